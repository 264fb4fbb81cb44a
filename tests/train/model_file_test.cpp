#include "fornax/train/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/io/safetensors.h"
#include "fornax/io/torch_file.h"
#include "fornax/models/resnet.h"
#include "fornax/nn/norm.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<models::ResNet> small_resnet18(std::int64_t classes = 10) {
  return models::resnet18({.classes = classes, .width = 0.125});
}

/// Holds a model that was loaded from torch_checkpoint.pt against PyTorch's logits.
void expect_golden_logits(nn::Layer& model) {
  const NoGrad no_grad;
  const Tensor images = golden_uniform("torch_files/images", {4, 3, 32, 32}, 0, 2).to(f32);
  model.eval();
  expect_near_golden(model(images), GoldenFile("torch_files").tensors().at("checkpoint/logits"), 1e-4,
                     "logits");
}

TEST(ModelFile, ACheckpointOfPyTorchGivesItsLogits) {
  const auto model = small_resnet18();
  const nn::LoadReport report = load_model(golden_path("torch_checkpoint.pt"), *model);
  EXPECT_THAT(report.missing, IsEmpty());
  expect_golden_logits(*model);
}

TEST(ModelFile, TheFirstBytesTellTheFormatNotTheName) {
  const TemporaryDirectory directory;
  const State state = io::load_torch(golden_path("torch_checkpoint.pt"));
  io::save_safetensors(directory / "a.pt", state);
  io::save_torch(directory / "b.safetensors", state);
  for (const char* name : {"a.pt", "b.safetensors"}) {
    const auto model = small_resnet18();
    load_model(directory / name, *model);
    expect_golden_logits(*model);
  }
}

TEST(ModelFile, AnotherHeadIsLeftAloneAndReportedIfItNeedNotFit) {
  const auto model = small_resnet18(5);
  const std::vector<float> head = model->fc->weight.to_vector<float>();
  const std::string path = golden_path("torch_checkpoint.pt");
  EXPECT_THAT(error_of<ValueError>([&] { load_model(path, *model); }),
              HasSubstr("fc.weight: f32[10,64]@cpu for f32[5,64]@cpu"));
  const nn::LoadReport report = load_model(path, *model, /*strict=*/false);
  EXPECT_THAT(report.mismatched, ElementsAre("fc.weight", "fc.bias"));
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_EQ(model->fc->weight.to_vector<float>(), head);
  EXPECT_EQ(model->conv1->weight.to_vector<float>(),
            io::load_torch(path).at("conv1.weight").to_vector<float>());
}

TEST(ModelFile, BatchesThatAFileDoesNotCountStartAtZero) {
  const TemporaryDirectory directory;
  nn::BatchNorm2d norm({.num_features = 2}), other({.num_features = 2});
  norm.num_batches_tracked.fill_(7);
  State state = other.state(), uncounted;
  for (const auto& [name, tensor] : state)
    if (name != "num_batches_tracked") uncounted.add(name, tensor);
  io::save_torch(directory / "a", uncounted);
  EXPECT_THAT(load_model(directory / "a", norm).missing, IsEmpty());
  EXPECT_EQ(norm.num_batches_tracked.item<std::int64_t>(), 0);
  io::save_torch(directory / "a", {{"weight", state.at("weight")}});  // of something else
  EXPECT_THAT(load_model(directory / "a", norm, /*strict=*/false).missing,
              ElementsAre("bias", "running_mean", "running_var", "num_batches_tracked"));
}

TEST(ModelFile, WhatSaveModelWroteComesBack) {
  const TemporaryDirectory directory;
  const auto model = small_resnet18(), other = small_resnet18();
  save_model(directory / "a", *model);
  load_model(directory / "a", *other);
  EXPECT_EQ(other->fc->weight.to_vector<float>(), model->fc->weight.to_vector<float>());
}

TEST(ModelFile, AFileOfNeitherFormatIsRefused) {
  const TemporaryDirectory directory;
  write_text(directory / "a", "neither of them");
  const auto model = small_resnet18();
  EXPECT_THAT(error_of<IoError>([&] { load_model(directory / "a", *model); }), HasSubstr("not safetensors"));
}

}  // namespace
}  // namespace fornax::train
