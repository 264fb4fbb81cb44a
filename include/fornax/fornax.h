#pragma once

/// All of Fornax: every public header, by room.

#include "fornax/base/dtype.h"
#include "fornax/base/error.h"
#include "fornax/base/export.h"
#include "fornax/base/function_ref.h"
#include "fornax/base/half.h"
#include "fornax/base/pair.h"
#include "fornax/base/parallel.h"
#include "fornax/base/philox.h"
#include "fornax/base/ref.h"
#include "fornax/base/scalar.h"
#include "fornax/base/shape.h"

#include "fornax/device/backend.h"
#include "fornax/device/device.h"
#include "fornax/device/host_memory.h"
#include "fornax/device/storage.h"
#include "fornax/device/stream.h"

#include "fornax/dispatch/autocast.h"
#include "fornax/dispatch/op.h"
#include "fornax/dispatch/tensor_view.h"

#include "fornax/tensor/state.h"
#include "fornax/tensor/tensor.h"

#include "fornax/autograd/grad_mode.h"
#include "fornax/autograd/gradcheck.h"
#include "fornax/autograd/node.h"

#include "fornax/ops/activation.h"
#include "fornax/ops/batch_norm.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/image.h"
#include "fornax/ops/linear.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/pool.h"
#include "fornax/ops/reduce.h"

#include "fornax/nn/layer.h"
#include "fornax/nn/module.h"

#include "fornax/optim/optimizer.h"
#include "fornax/optim/schedule.h"

#include "fornax/data/idx.h"
#include "fornax/data/images.h"

#include "fornax/io/atomic_file.h"
#include "fornax/io/checkpoint.h"
#include "fornax/io/safetensors.h"

#include "fornax/train/json_log.h"
#include "fornax/train/plot.h"
#include "fornax/train/progress.h"
#include "fornax/train/run_directory.h"
