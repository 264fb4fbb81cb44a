#pragma once

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace fornax {

/// A list that holds up to N handles (tensors, references) without an allocation of its own.
template <class T, std::size_t N>
class InlineVector {
 public:
  void push_back(T value) {
    if (size_ == N) more_.assign(std::make_move_iterator(few_.begin()), std::make_move_iterator(few_.end()));
    if (size_ < N)
      few_[size_] = std::move(value);
    else
      more_.push_back(std::move(value));
    ++size_;
  }
  void clear() {
    for (std::size_t i = 0; i < size_ && i < N; ++i) few_[i] = T();
    more_.clear();
    size_ = 0;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return size_ <= N ? few_.data() : more_.data(); }
  T* end() { return begin() + size_; }
  const T* begin() const { return size_ <= N ? few_.data() : more_.data(); }
  const T* end() const { return begin() + size_; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }

 private:
  std::size_t size_ = 0;
  std::array<T, N> few_{};  // the elements, unless there are more than N of them
  std::vector<T> more_;
};

}  // namespace fornax
