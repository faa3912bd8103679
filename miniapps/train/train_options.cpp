#include "miniapps/train/train_options.hpp"

#include "runtime/error.hpp"

using tutti::usage_error;

void TrainOptions::declare(CLI::App& app) {
  using namespace tutti;
  add_choice(app, "--model", model, {"mlp", "cnn", "gpt"},
             "dense layers, a convolutional net, or a decoder of bytes (default: mlp)");
  add_text(
      app, "--data", data,
      "mlp, cnn: a folder with IDX files, also .gz; gpt: files or folders of text, A,B (default: generated)");
  add_integer(app, "--layers", layers, 1, "mlp: hidden layers (default: 2); gpt: blocks (default: 4)");
  add_integer(app, "--heads", heads, 1, "of attention (default: 4)");
  add_integer(app, "--width", width, 1, "of hidden layers (default: 64), of gpt (default: 128)");
  add_integer(app, "--context", context, 1, "tokens of a sequence (default: 128)");
  add_integer(app, "--batch", batch, 1, "samples of a step (default: 64; gpt: 8 sequences)");
  add_integer(app, "--shards", shards, 1,
              "parts of the batch that are worked on independently (default: 8); results depend\n"
              "on it, not on ranks and threads");
  add_choice(app, "--optimiser", optimiser, {"sgd", "adamw"}, "(default: adamw; mlp: sgd)");
  add_number(app, "--learning-rate", learning_rate, 0, "at its peak (default: 0.05; adamw: 0.0005)");
  add_number(app, "--last-rate", last_rate, 0,
             "part of it at the last step, reached along a cosine; 1: constant (default: 0.1)");
  add_integer(app, "--warm-up", warm_up, 0, "steps over which it rises to its peak (default: 0)");
  add_number(app, "--momentum", momentum, 0, "of sgd (default: 0.9)");
  add_number(app, "--weight-decay", weight_decay, 0, "(default: 0)");
  add_integer(app, "--steps", steps, 1, "of training (default: 200)");
  add_number(app, "--epochs", epochs, 0, "passes through the training data, instead of --steps");
  add_integer(app, "--validate-every", validate_every, 0, "steps; 0: at the end only (default: 50)");
  add_integer(app, "--validation-batches", validation_batches, 1,
              "of each validation, at most (default: 16)");
  add_integer(app, "--patience", patience, 0,
              "end after so many validations without a lower loss; 0: never (default: 0)");
  add_number(app, "--target-loss", target_loss, 0,
             "verify that the validation loss ends at most so high (default: lower than at the start)");
  add_choice(app, "--against", against, {"omp-for"},
             "mlp with sgd: measure the same steps as OpenMP parallel loops too, in turn");
  add_text(app, "--save", save, "write weights and the optimiser's state at the end (HDF5)");
  add_text(app, "--load", load, "go on from such a file");
  add_text(app, "--export", export_to, "write the weights for NumPy (.npz)");
  add_integer(app, "--generate", generate, 0, "gpt: write so many bytes of text at the end");
  add_number(app, "--temperature", temperature, 0,
             "of that text; 0: always the likeliest byte (default: 0.8)");
  add_text(app, "--prompt", prompt, "what that text goes on from (default: a new line)");
}

void TrainOptions::validate() {
  const bool text = model == "gpt";
  if (layers == 0) layers = text ? 4 : 2;
  if (width == 0) width = text ? 128 : 64;
  if (batch == 0) batch = text ? 8 : 64;
  if (optimiser.empty()) optimiser = model == "mlp" ? "sgd" : "adamw";
  if (learning_rate < 0) learning_rate = optimiser == "sgd" ? 0.05 : 5e-4;
  if (steps > 0 && epochs > 0) usage_error("--steps and --epochs: give one of them");
  if (steps == 0 && epochs == 0) steps = 200;
  if (batch % shards != 0)
    usage_error("--batch {} is not a multiple of --shards {}: shards have equally many samples", batch,
                shards);
  if (text && width % heads != 0)
    usage_error("--width {} is not a multiple of --heads {}: heads are equally wide", width, heads);
  if (!text && generate > 0) usage_error("--generate writes text, which --model {} does not learn", model);
  if (momentum >= 1) usage_error("--momentum takes less than 1, not {}", momentum);
  if (last_rate > 1) usage_error("--last-rate takes at most 1, not {}", last_rate);
  if (prompt.empty()) usage_error("--prompt takes at least one byte");
  if (schedule == tutti::Schedule::kokkos)
    usage_error("--schedule kokkos: the kernels of neural nets have no Kokkos body; use tasks or bulk");
  if (!against.empty() && (model != "mlp" || optimiser != "sgd" || !load.empty()))
    usage_error("--against {} is for --model mlp with --optimiser sgd, and without --load", against);
  if (repeat > 0)
    usage_error(
        "--repeat: a training run is not repeated, each of its steps goes on from the one before; it is "
        "timed "
        "between validations, see --validate-every");
  repeat = 1;
  if (!tile.empty()) usage_error("--tile: the tiles of train are the shards; use --shards");
}

ModelConfig TrainOptions::model_config() const {
  ModelConfig c;
  c.kind = model;
  c.layers = layers;
  c.heads = heads;
  c.width = width;
  c.context = context;
  c.is_stacked = device == "cpu";  // devices have kernels for single layers
  if (model == "mlp") c.hidden.assign(static_cast<std::size_t>(layers), width);
  return c;
}

OptimiserConfig TrainOptions::optimiser_config() const {
  return {optimiser, momentum, weight_decay, {learning_rate, last_rate, warm_up, steps}};
}
