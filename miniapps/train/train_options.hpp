// What train can be asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "miniapps/train/model.hpp"
#include "miniapps/train/optimiser.hpp"
#include "runtime/options.hpp"

struct TrainOptions : tutti::Options {
  std::string model = "mlp";
  std::string data;         ///< empty: generated
  std::int64_t layers = 0;  ///< mlp: hidden layers, default 2; gpt: blocks, default 4
  std::int64_t heads = 4;
  std::int64_t width = 0;  ///< of hidden layers, default 64; of gpt, default 128
  std::int64_t context = 128;
  std::int64_t batch = 0;  ///< samples per step; default 64, gpt: 8
  std::int64_t shards = 8;
  std::string optimiser;      ///< default adamw, mlp: sgd
  double learning_rate = -1;  ///< default 0.05, adamw: 5e-4
  double last_rate = 0.1;     ///< of the learning rate, at the end
  double momentum = 0.9;
  double weight_decay = 0;
  std::int64_t warm_up = 0;
  std::int64_t steps = 0;  ///< default 200
  double epochs = 0;
  std::int64_t validate_every = 50;      ///< steps; 0: at the end only
  std::int64_t validation_batches = 16;  ///< at most, of each validation
  std::int64_t patience = 0;  ///< validations without a lower loss until training ends; 0: any number
  double target_loss = 0;     ///< the validation loss must end at or below it; 0: any below the first
  std::string against;        ///< empty or "omp-for": what is measured in turn with the training
  std::string save, load, export_to;
  std::int64_t generate = 0;
  double temperature = 0.8;
  std::string prompt = "\n";

  TrainOptions() { repeat = 0; }  // so that a given one is noticed

  std::string app_name() const override { return "train"; }
  std::string app_description() const override { return "trains small neural nets"; }
  void declare(CLI::App& app) override;
  void validate() override;

  /// All but what the data say.
  ModelConfig model_config() const;
  OptimiserConfig optimiser_config() const;
};
