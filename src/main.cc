#include <malloc.h>

#include "cli/command.h"

namespace {

constexpr int kMiB = 1 << 20;

/// Batches come and go by the megabyte. Left alone, the allocator gives their memory back to the
/// system each time and every page of the next one is faulted in and cleared again, which for large
/// exports takes a third of the time. Up to this much stays.
void keep_freed_memory() {
  mallopt(M_TRIM_THRESHOLD, 32 * kMiB);
  mallopt(M_MMAP_THRESHOLD, 8 * kMiB);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  return tollgate::run_command_line(argc, argv);
}
