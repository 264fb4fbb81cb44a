#pragma once

#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "sim/poison.h"
#include "sim/simulator.h"

namespace fornax::sim {

/// Under the sanitizers the process ends where an access goes astray.
inline constexpr const char* sanitizer_words = "AddressSanitizer|runtime error";

/// Memory of the device that holds elements of T.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, count * sizeof(T)), cudaSuccess);
    data_ = static_cast<T*>(data);
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> values(count_);
    cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

/// A simulator without history, and a stream.
class SimTest : public testing::Test {
 protected:
  SimTest() {
    reset();
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  }
  ~SimTest() override {
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    EXPECT_EQ(take_report_text(), "");
    reset();
  }

  /// Takes the reports: kinds, each once for each report.
  static std::vector<std::string> kinds() {
    std::vector<std::string> all;
    for (const Report& report : take_reports()) all.push_back(report.kind);
    return all;
  }

  cudaStream_t stream = nullptr;
};

}  // namespace fornax::sim
