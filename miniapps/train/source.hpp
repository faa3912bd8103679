// Where training data come from, as the options ask.
#pragma once

#include <memory>

#include "miniapps/train/batches.hpp"
#include "miniapps/train/train_options.hpp"

/// The data of --data, or generated ones. Throws Error(usage) and Error(environment) for files that cannot be
/// used, on all ranks alike. Collective.
std::unique_ptr<Batches> open_batches(tutti::Transport& transport, const TrainOptions& opt);
