#include <iostream>

#include "fornax/fornax.h"

namespace fx = fornax;

/// The gradient of the sum of x w with respect to w, by an installed Fornax.
int main() {
  const fx::Tensor x = fx::tensor<float>({1, 2, 3, 4}, {2, 2});
  fx::Tensor w = fx::tensor<float>({0.5F, -0.5F}, {2, 1});
  w.set_requires_grad();
  const fx::Tensor y = fx::sum(fx::matmul(x, w));
  y.backward();
  std::cout << "y=" << y.item<float>() << " dw=";
  for (const float value : w.grad().to_vector<float>()) std::cout << value << ' ';
  std::cout << '\n';
}
