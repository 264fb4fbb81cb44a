#!/usr/bin/env python3
"""Reads what Fornax writes for TensorBoard by TensorBoard itself. Needs the package tensorboard.

    scripts/check_tensorboard.py RUN    lists what the event files of a directory hold
    scripts/check_tensorboard.py        prints the events of tests/train/tensorboard_test.cpp as TensorBoard writes them
"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2


def event(step, **value):
    return event_pb2.Event(wall_time=1.5, step=step, summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(**value)]))


def text(value):
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[value.encode()])
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    return {"tensor": tensor, "metadata": summary_pb2.SummaryMetadata(plugin_data=plugin)}


def golden():
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    for name, message in [
        ("version", event_pb2.Event(wall_time=1.5, file_version="brain.Event:2")),
        ("purge", event_pb2.Event(wall_time=1.5, step=300, session_log=start)),
        ("scalar", event(300, tag="train/loss", simple_value=0.25)),
        ("text", event(1, tag="note/text_summary", **text("**hello**"))),
        ("histogram", event(2, tag="w", histo=summary_pb2.HistogramProto(
            num=2, bucket_limit=[-1e-12, 0], bucket=[0, 2]))),
    ]:
        print(name, message.SerializeToString().hex())


def read(run):
    events = EventAccumulator(run, size_guidance={"scalars": 0, "histograms": 0, "tensors": 0}).Reload()
    for tag in events.Tags()["scalars"]:
        values = events.Scalars(tag)
        print(f"{tag}: {len(values)} scalars, steps {values[0].step} to {values[-1].step}, the last {values[-1].value:.6g}")
    for tag in events.Tags()["histograms"]:
        last = events.Histograms(tag)[-1].histogram_value
        print(f"{tag}: histogram of {last.num:.0f} numbers from {last.min:.4g} to {last.max:.4g} in {len(last.bucket)} buckets")
        assert sum(last.bucket) == last.num
    for tag in events.Tags()["tensors"]:
        print(f"{tag}: text of {len(events.Tensors(tag)[-1].tensor_proto.string_val[0])} bytes")


if __name__ == "__main__":
    read(sys.argv[1]) if len(sys.argv) > 1 else golden()
