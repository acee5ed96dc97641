#include "journal/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/batch_codec.h"
#include "journal/format.h"
#include "journal/progress.h"
#include "journal/segments.h"

namespace tollgate {
namespace {

class Examination {
 public:
  Examination(FileSystem& files, const StoredMessage& visit) : files_(files), visit_(visit) {}

  Result<JournalReport> directory(const std::string& path) {
    bool damaged = false;
    auto saved = TRY(ProgressFile(files_, path).load(damaged));
    if (damaged) report_.damage.push_back({path + "/progress", 0, 0, "neither slot can be read"});
    if (saved) {
      progress_ = std::move(*saved);
      report_.has_progress = true;
      report_.next_sequence = progress_.next_sequence;
      const auto& ranges = progress_.settled.ranges();
      if (!ranges.empty()) report_.settled_up_to = ranges.begin()->second;
    }
    const auto segments = TRY(find_segments(files_, path));
    std::uint64_t journal = progress_.journal;
    for (const auto& [number, found] : segments) {
      if (journal == 0 && found.header) journal = found.header->journal;
    }
    for (const auto& [number, found] : segments) TRY(segment(number, found, journal));
    return std::move(report_);
  }

  Result<JournalReport> file(const std::string& path) {
    const auto found = TRY(find_segment(files_, path));
    if (!found.header) {
      return invalid(fmt::format("{} is no segment of a journal, or its header is damaged: alone it "
                                 "cannot be read", path));
    }
    TRY(segment(0, found, 0));
    return std::move(report_);
  }

 private:
  Result<> segment(std::uint64_t number, const FoundSegment& found, std::uint64_t journal) {
    JournalReport::Segment report{.path = found.path, .bytes = found.size};
    if (!found.header && found.size > 0) {
      report_.damage.push_back({found.path, 0, kSegmentHeaderSize, "the segment's header"});
    }
    if (found.cut > 0) {
      report_.damage.push_back({found.path, found.size, found.cut, "missing at the end"});
    }
    const bool ours = !found.header || found.header->journal == progress_.journal;
    if (found.header) journal = found.header->journal;
    SegmentReader reader(TRY(files_.open(found.path, FileSystem::Open::read)), journal);
    reader.tolerate_unreadable();
    while (true) {
      auto item = TRY(reader.next(found.end));
      if (item.kind == SegmentReader::Kind::end) break;
      if (item.kind == SegmentReader::Kind::damage) {
        note_damage(number, found, item);
        continue;
      }
      const auto sequence = item.header.sequence;
      ++report.records;
      report.messages += item.header.messages;
      if (report.first_sequence == 0) report.first_sequence = sequence;
      report.last_sequence = sequence;
      const bool settled = ours && progress_.settled.contains(sequence);
      if (settled) ++report.settled_records;
      if (visit_) TRY(visit(found.path, item, ours, settled));
    }
    report_.segments.push_back(std::move(report));
    return {};
  }

  void note_damage(std::uint64_t number, const FoundSegment& found,
                   const SegmentReader::Item& item) {
    const bool synced = found.end_proven || item.synced_behind.value_or(0) > item.offset ||
                        (progress_.synced_segment == number && number != 0 &&
                         progress_.synced_offset > item.offset);
    auto text = item.has_header ? fmt::format("record {} of {} messages", item.header.sequence,
                                              item.header.messages)
                                : std::string("records whose number is lost");
    (synced ? report_.damage : report_.unfinished)
        .push_back({found.path, item.offset, item.size, std::move(text)});
  }

  Result<> visit(const std::string& path, SegmentReader::Item& item, bool ours, bool settled) {
    const auto partly = progress_.partly.find(item.header.sequence);
    auto batch = decode_batch(std::make_shared<const std::string>(std::move(item.payload)));
    if (!batch) {
      report_.damage.push_back(
          {path, item.offset, item.size, std::string(batch.error().message())});
      return {};
    }
    for (std::size_t i = 0; i < batch->size(); ++i) {
      const bool alone = ours && partly != progress_.partly.end() && i < partly->second.size() &&
                         partly->second[i];
      TRY(visit_(item.header.sequence, (*batch)[i], settled || alone));
    }
    return {};
  }

  FileSystem& files_;
  const StoredMessage& visit_;
  Progress progress_;
  JournalReport report_;
};

}  // namespace

Result<JournalReport> examine_journal(FileSystem& files, const std::string& path,
                                      const StoredMessage& visit) {
  Examination examination(files, visit);
  const auto names = files.list(path);
  if (!names) return examination.file(path);
  const bool any = std::ranges::any_of(*names, [](const std::string& name) {
    return segment_number(name).has_value() || name == "progress";
  });
  if (!any) {
    return invalid(fmt::format("{} is no journal: it holds neither a progress file nor segments "
                               "(00000000000000000001.segment …); the directory is the journal "
                               "buffer's field `path`", path));
  }
  return examination.directory(path);
}

}  // namespace tollgate
