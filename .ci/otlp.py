"""Reads a trace as a collector does: otlp.py FILE. Says its spans, or ends with 1."""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def main(path):
    trace = json.load(open(path))
    # OTLP has ids in hexadecimal where the JSON of protobuf wants base64.
    for span in trace["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for key in ["traceId", "spanId", "parentSpanId"]:
            if key in span:
                span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    request = json_format.ParseDict(trace, ExportTraceServiceRequest())
    spans = request.resource_spans[0].scope_spans[0].spans
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
        assert span.start_time_unix_nano <= span.end_time_unix_nano, span
        assert not span.parent_span_id or span.parent_span_id in by_id, span
    print(" ".join(span.name for span in spans))


if __name__ == "__main__":
    main(sys.argv[1])
