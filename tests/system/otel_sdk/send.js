// Sends log records with the OpenTelemetry SDK, as an instrumented service does.
//
//   node send.js HOST:PORT EXPORTS RECORDS_PER_EXPORT FIRST_NUMBER none|gzip
//
// Prints one JSON line: exports that the SDK's exporter reports as done and as failed.
'use strict';

const { credentials } = require('@grpc/grpc-js');
const { CompressionAlgorithm } = require('@opentelemetry/otlp-exporter-base');
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-grpc');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');

const [address, exports_, records, first, compression] = process.argv.slice(2);
const perExport = Number(records);
const total = Number(exports_) * perExport;

const exporter = new OTLPLogExporter({
  url: `http://${address}`,
  credentials: credentials.createInsecure(),
  compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
});

const counts = { done: 0, failed: 0, errors: [] };
const counting = {
  export(batch, callback) {
    exporter.export(batch, (result) => {
      if (result.code === 0) {
        counts.done += batch.length;
      } else {
        counts.failed += batch.length;
        counts.errors.push(String(result.error));
      }
      callback(result);
    });
  },
  forceFlush: () => exporter.forceFlush(),
  shutdown: () => exporter.shutdown(),
};

const provider = new LoggerProvider({
  resource: resourceFromAttributes({ 'service.name': 'sdk-sender' }),
  processors: [
    new BatchLogRecordProcessor({
      exporter: counting,
      maxQueueSize: total + 1,
      maxExportBatchSize: perExport,
      scheduledDelayMillis: 100,
    }),
  ],
});
const logger = provider.getLogger('access-log');

const methods = ['GET', 'POST', 'PUT', 'DELETE'];
const regions = ['us-east-1', 'eu-west-1', 'ap-south-1'];
const zones = ['a', 'b', 'c'];
const pad = (number) => String(number).padStart(2, '0');

for (let i = 0; i < total; ++i) {
  const n = Number(first) + i;
  logger.emit({
    body: 'request',
    severityNumber: 9,
    severityText: 'INFO',
    attributes: {
      time: `2025-10-09T08:${pad(Math.floor(n / 60) % 60)}:${pad(n % 60)}Z`,
      subject: `customer-${n % 17}`,
      method: methods[n % 4],
      path: `/items/${n}`,
      region: regions[n % 3],
      zone: zones[n % 3],
      duration: n % 1000,
    },
  });
}

provider
  .forceFlush()
  .then(() => provider.shutdown())
  .then(() => console.log(JSON.stringify(counts)))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
