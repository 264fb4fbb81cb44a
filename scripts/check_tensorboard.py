#!/usr/bin/env python3
"""Reads what Fornax writes for TensorBoard by TensorBoard itself. Needs the package tensorboard.

    scripts/check_tensorboard.py RUN    lists what the event files of a directory hold
    scripts/check_tensorboard.py        prints the events of tests/train/tensorboard_test.cpp as TensorBoard writes them
"""

import struct
import sys

from google.protobuf.struct_pb2 import Value
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2


def event(step, **value):
    return event_pb2.Event(wall_time=1.5, step=step, summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(**value)]))


def text(value):
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[value.encode()])
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    return {"tensor": tensor, "metadata": summary_pb2.SummaryMetadata(plugin_data=plugin)}


def hparams(**data):
    """A value of the HPARAMS plugin."""
    content = plugin_data_pb2.HParamsPluginData(**data).SerializeToString(deterministic=True)
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content)
    return {"tensor": metadata.NULL_TENSOR, "metadata": summary_pb2.SummaryMetadata(plugin_data=plugin)}


def golden():
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    for name, message in [
        ("version", event_pb2.Event(wall_time=1.5, file_version="brain.Event:2")),
        ("purge", event_pb2.Event(wall_time=1.5, step=300, session_log=start)),
        ("scalar", event(300, tag="train/loss", simple_value=0.25)),
        ("text", event(1, tag="note/text_summary", **text("**hello**"))),
        ("histogram", event(2, tag="w", histo=summary_pb2.HistogramProto(
            num=2, bucket_limit=[-1e-12, 0], bucket=[0, 2]))),
        ("image", event(3, tag="photo", image=summary_pb2.Summary.Image(
            height=2, width=300, colorspace=3, encoded_image_string=b"\x89PNG"))),
        ("experiment", event(0, tag=metadata.EXPERIMENT_TAG, **hparams(experiment=api_pb2.Experiment(
            hparam_infos=[api_pb2.HParamInfo(name=name, type=kind) for name, kind in [
                ("amp", api_pb2.DATA_TYPE_BOOL), ("epochs", api_pb2.DATA_TYPE_FLOAT64),
                ("lr", api_pb2.DATA_TYPE_FLOAT64), ("model", api_pb2.DATA_TYPE_STRING)]],
            metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag="test/accuracy"))])))),
        ("session start", event(0, tag=metadata.SESSION_START_INFO_TAG, **hparams(
            session_start_info=plugin_data_pb2.SessionStartInfo(start_time_secs=1.5, hparams={
                "amp": Value(bool_value=False), "epochs": Value(number_value=90),
                "lr": Value(number_value=0), "model": Value(string_value="mlp")})))),
        ("session end", event(0, tag=metadata.SESSION_END_INFO_TAG, **hparams(
            session_end_info=plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=2.5)))),
    ]:
        print(name, message.SerializeToString().hex())


def show_hparams(events):
    """What the HPARAMS page would show of a run."""
    contents = events.PluginTagToContent(metadata.PLUGIN_NAME)
    experiment = metadata.parse_experiment_plugin_data(contents[metadata.EXPERIMENT_TAG])
    start = metadata.parse_session_start_info_plugin_data(contents[metadata.SESSION_START_INFO_TAG])
    assert [info.name for info in experiment.hparam_infos if info.name not in start.hparams] == []
    for info in experiment.hparam_infos:
        value = start.hparams[info.name]
        print(f"hparam {info.name}: {getattr(value, value.WhichOneof('kind'))}")
    for info in experiment.metric_infos:
        print(f"metric {info.name.tag}: {events.Scalars(info.name.tag)[-1].value:.6g}")
    if metadata.SESSION_END_INFO_TAG in contents:
        end = metadata.parse_session_end_info_plugin_data(contents[metadata.SESSION_END_INFO_TAG])
        print(f"ended: {api_pb2.Status.Name(end.status)} after {end.end_time_secs - start.start_time_secs:.0f} s")


def read(run):
    sizes = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    events = EventAccumulator(run, size_guidance=sizes).Reload()
    for tag in events.Tags()["scalars"]:
        values = events.Scalars(tag)
        print(f"{tag}: {len(values)} scalars, steps {values[0].step} to {values[-1].step}, the last {values[-1].value:.6g}")
    for tag in events.Tags()["histograms"]:
        last = events.Histograms(tag)[-1].histogram_value
        print(f"{tag}: histogram of {last.num:.0f} numbers from {last.min:.4g} to {last.max:.4g} in {len(last.bucket)} buckets")
        assert sum(last.bucket) == last.num
    for tag in events.Tags()["images"]:
        last = events.Images(tag)[-1]
        print(f"{tag}: {len(events.Images(tag))} images, the last of {last.height}x{last.width}")
        assert struct.unpack(">II", last.encoded_image_string[16:24]) == (last.width, last.height)
    for tag in events.Tags()["tensors"]:
        if tag.endswith("/text_summary"):
            print(f"{tag}: text of {len(events.Tensors(tag)[-1].tensor_proto.string_val[0])} bytes")
    if metadata.EXPERIMENT_TAG in events.Tags()["tensors"]:
        show_hparams(events)


if __name__ == "__main__":
    read(sys.argv[1]) if len(sys.argv) > 1 else golden()
