#!/usr/bin/python3
"""One record, one id: whatever is resent, replayed, batched anew or sent elsewhere."""

import harness
from destination import Destination
from harness import SystemTest, free_port, quick_page, wait_until
from otlp import Sender, access_log_export

JOURNAL = "buffer:\n  journal:\n    path: %s/journal\n"

CHILDREN = """
input:
  otel_log:
    address: 127.0.0.1:%(port)d
pipeline:
  processors:
    - mapping: |
        let path = this.record.attributes.path
        root = range(0, 3).map_each(n -> {"n": n, "path": $path + "/part"})
    - unarchive: {format: json_array}
    - mapping: |
        root = {"id": uuid_v4(), "specversion": "1.0", "type": "t", "source": "s",
          "subject": "x", "data": this}
output:
  http_client:
    url: %(url)s/events
    batching:
      count: 100
      period: 50ms
      processors:
        - archive: {format: json_array}
"""


class Identity(SystemTest):
    def send(self, collector, request):
        with Sender(collector.grpc_port) as sender:
            self.assertTrue(sender.send(request).acked)

    def assert_one_id_each(self, destination, records, times):
        self.assertEqual(destination.doubled(), {})
        self.assertEqual(len(destination.events), records)
        self.assertEqual(sum(destination.arrivals.values()), records * times)

    def test_replicas_credentials_and_batching_change_nothing(self):
        request = access_log_export(range(50))
        variants = [{}, {"count": "7"}, {"timeout": "9s", "max_in_flight": "2"},
                    {"Authorization": "'Bearer rotated'"}, {"retries": "9"}]
        with Destination(free_port()) as destination:
            for values in variants:
                self.send(self.page_collector(destination, **values), request)
            self.assert_one_id_each(destination, 50, len(variants))

    def test_a_resend_after_a_kill(self):
        request = access_log_export(range(50))
        with Destination(free_port()) as destination:
            for _ in range(2):
                collector = self.page_collector(destination)
                self.send(collector, request)
                collector.kill()
            self.assert_one_id_each(destination, 50, 2)

    def test_a_journal_replay_gives_what_a_replica_without_one_gives(self):
        request = access_log_export(range(50))
        destination = Destination(free_port())
        self.addCleanup(destination.stop)
        port = free_port()
        config = JOURNAL % self.directory + quick_page(port)
        collector = self.collector(config, ready=False, url=destination.url, grpc_port=port)
        wait_until(lambda: harness.get(collector.endpoint("/ping"))[0] == 200, 10, "/ping")
        self.send(collector, request)  # taken by the journal; the destination is away
        collector.kill()
        destination.start()
        self.collector(config, url=destination.url, grpc_port=port)
        wait_until(lambda: len(destination.arrived()) == 50, 20, "the replay")
        self.send(self.page_collector(destination), request)
        self.assert_one_id_each(destination, 50, 2)

    def test_children_of_one_record_are_told_apart(self):
        with Destination(free_port()) as destination:
            port = free_port()
            collector = self.collector(CHILDREN % {"port": port, "url": destination.url},
                                       grpc_port=port)
            for _ in range(2):
                self.send(collector, access_log_export(range(5)))
            self.assertEqual(len(destination.events), 15, "three of each record, twice the same")
            self.assertEqual(sum(destination.arrivals.values()), 30)
            self.assertEqual({len(ids) for ids in destination.ids.values()}, {3})

    def test_a_field_turns_it_off(self):
        with Destination(free_port()) as destination:
            port = free_port()
            config = quick_page(port).replace("  otel_log:\n", "  otel_log:\n    stable_ids: false\n")
            collector = self.collector(config, url=destination.url, grpc_port=port)
            for _ in range(2):
                self.send(collector, access_log_export(range(5)))
            self.assertEqual(len(destination.events), 10)

    def test_records_that_cannot_be_told_apart_are_counted(self):
        with Destination(free_port()) as destination:
            collector = self.page_collector(destination)
            self.send(collector, access_log_export(range(5), fine_time=False))
            self.send(collector, access_log_export(range(7)))
            self.assertEqual(collector.metric("input_records_without_stable_id"), 5)


if __name__ == "__main__":
    harness.main()
