// Preloaded into the program by trouble.py: a wall clock that jumps and a disk that fails.
//
// TOLLGATE_TROUBLE names a file of settings that the test changes while the program runs, and
// TOLLGATE_TROUBLE_AT the beginning of the paths whose files fail. The monotonic clock stays as it
// is, as it does on a real machine.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

/// The file of settings. Those of the disk are of a thousand calls.
struct Settings {
  std::atomic<std::int64_t> clock_offset_ns;
  std::atomic<std::int64_t> failing_writes;
  std::atomic<std::int64_t> short_writes;
  std::atomic<std::int64_t> failing_syncs;
  std::atomic<std::int64_t> injected;  ///< what the disk did wrong so far
};
static_assert(sizeof(Settings) == 40);

Settings no_trouble;

Settings& settings() {
  static Settings* const mapped = [] {
    const char* path = std::getenv("TOLLGATE_TROUBLE");
    const int fd = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return &no_trouble;
    void* memory = ::mmap(nullptr, sizeof(Settings), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return memory == MAP_FAILED ? &no_trouble : static_cast<Settings*>(memory);
  }();
  return *mapped;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool in_trouble(int fd) {
  static const char* const prefix = std::getenv("TOLLGATE_TROUBLE_AT");
  if (!prefix) return false;
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const auto size = ::readlink(link, path, sizeof path);
  return size >= static_cast<ssize_t>(std::strlen(prefix)) &&
         std::memcmp(path, prefix, std::strlen(prefix)) == 0;
}

bool happens(const std::atomic<std::int64_t>& in_a_thousand, int fd) {
  if (in_a_thousand == 0 || !in_trouble(fd)) return false;
  static std::atomic<std::uint64_t> calls{0};
  std::uint64_t mixed = ++calls * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 31)) * 0xbf58476d1ce4e5b9;
  if (static_cast<std::int64_t>((mixed >> 33) % 1000) >= in_a_thousand) return false;
  ++settings().injected;
  return true;
}

/// Does a write as the settings say. `part` writes the first bytes, `whole` all of them.
template <typename Part, typename Whole>
ssize_t troubled_write(int fd, std::size_t size, Part part, Whole whole) {
  if (size > 1 && happens(settings().short_writes, fd)) return part(size / 2);
  if (happens(settings().failing_writes, fd)) {
    // What of it reached the disk nobody knows.
    if (size > 1 && settings().injected % 2 == 0) part(size / 2);
    errno = EIO;
    return -1;
  }
  return whole();
}

int troubled_sync(int fd, const char* name) {
  if (happens(settings().failing_syncs, fd)) {
    errno = EIO;
    return -1;
  }
  return real<int(int)>(name)(fd);
}

void shift(timespec& time) {
  const std::int64_t offset = settings().clock_offset_ns;
  constexpr std::int64_t second = 1'000'000'000;
  std::int64_t nanoseconds = time.tv_nsec + offset % second;
  time.tv_sec += offset / second;
  if (nanoseconds < 0) {
    nanoseconds += second;
    --time.tv_sec;
  } else if (nanoseconds >= second) {
    nanoseconds -= second;
    ++time.tv_sec;
  }
  time.tv_nsec = nanoseconds;
}

timespec wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static auto* const original = real<int(clockid_t, timespec*)>("clock_gettime");
  const int result = original(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(*time);
  return result;
}

time_t time(time_t* out) noexcept {
  const time_t now = wall_clock().tv_sec;
  if (out) *out = now;
  return now;
}

int gettimeofday(timeval* out, void*) noexcept {
  const timespec now = wall_clock();
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static auto* const original = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return troubled_write(
      fd, size, [&](size_t part) { return original(fd, bytes, part, offset); },
      [&] { return original(fd, bytes, size, offset); });
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}

ssize_t pwritev(int fd, const iovec* vectors, int count, off_t offset) {
  static auto* const original = real<ssize_t(int, const iovec*, int, off_t)>("pwritev");
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += vectors[i].iov_len;
  const auto part = [&](std::size_t bytes) -> ssize_t {
    std::size_t done = 0;
    for (int i = 0; i < count && done < bytes; ++i) {
      const iovec some{vectors[i].iov_base, std::min(vectors[i].iov_len, bytes - done)};
      const auto wrote = original(fd, &some, 1, offset + static_cast<off_t>(done));
      if (wrote < 0) return done > 0 ? static_cast<ssize_t>(done) : wrote;
      done += static_cast<std::size_t>(wrote);
    }
    return static_cast<ssize_t>(done);
  };
  return troubled_write(fd, size, part, [&] { return original(fd, vectors, count, offset); });
}
ssize_t pwritev64(int fd, const iovec* vectors, int count, off64_t offset) {
  return pwritev(fd, vectors, count, offset);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const original = real<ssize_t(int, const void*, size_t)>("write");
  return troubled_write(
      fd, size, [&](size_t part) { return original(fd, bytes, part); },
      [&] { return original(fd, bytes, size); });
}

int fsync(int fd) { return troubled_sync(fd, "fsync"); }
int fdatasync(int fd) { return troubled_sync(fd, "fdatasync"); }

int ftruncate(int fd, off_t size) noexcept {
  static auto* const original = real<int(int, off_t)>("ftruncate");
  if (happens(settings().failing_writes, fd)) {
    errno = EIO;
    return -1;
  }
  return original(fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept { return ftruncate(fd, size); }

}  // extern "C"
