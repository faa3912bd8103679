// Trains small neural nets: one recorded step per batch, with gradients reduced while the backward pass still
// runs, and the same bits on any number of ranks and threads.
#include <algorithm>
#include <cmath>
#include <optional>

#include <tutti/tutti.hpp>

#include "miniapps/train/gemm_rate.hpp"
#include "miniapps/train/generate.hpp"
#include "miniapps/train/gradient_check.hpp"
#include "miniapps/train/parallel_loops.hpp"
#include "miniapps/train/progress.hpp"
#include "miniapps/train/source.hpp"
#include "miniapps/train/state_file.hpp"
#include "miniapps/train/train_options.hpp"
#include "miniapps/train/training.hpp"
#include "runtime/error.hpp"
#include "runtime/io/array_file.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/text.hpp"

using namespace tutti;

namespace {

/// What came of the run, step by step.
struct History {
  std::vector<double> validation_steps, validation_losses, accuracies;
  void add(std::int64_t step, const Training::Validation& v) {
    validation_steps.push_back(static_cast<double>(step));
    validation_losses.push_back(v.loss);
    accuracies.push_back(v.accuracy);
  }
  bool is_best() const {
    return std::min_element(validation_losses.begin(), validation_losses.end()) ==
           validation_losses.end() - 1;
  }
};

/// The first step, which is not timed. `loops` do the same one and must come to the same bits.
void warm_up(Training& training, std::optional<ParallelLoops>& loops, Report& report) {
  training.step().run(1);
  if (!loops) return;
  loops->take_batch();
  loops->run(1);
  report.verify("omp_for_loss_off", std::abs(loops->loss() - training.losses().front()), 0);
  report.verify("omp_for_weights_off", static_cast<double>(loops->different_weights()), 0);
}

/// Runs to step `last`, or until validation has not improved for a while.
History run(Runtime& rt, const TrainOptions& opt, Training& training, GemmRate& gemm,
            std::optional<ParallelLoops>& loops, Report& report, std::int64_t last) {
  const std::int64_t first = training.step_number();
  Progress progress(rt.is_root() && !opt.quiet);
  History history;
  history.add(first, training.validate());
  constexpr std::int64_t pieces = 6;  // enough for a 95 % interval of the median
  const std::int64_t piece = opt.validate_every > 0
                                 ? opt.validate_every
                                 : std::max<std::int64_t>(1, (last - first + pieces - 1) / pieces);
  std::int64_t worse = 0;
  if (last - first > 2) warm_up(training, loops, report);
  while (training.step_number() < last) {
    const std::int64_t now = training.step_number();
    const std::int64_t steps = std::min(last, now - now % piece + piece) - now;
    gemm.measure();
    if (loops) loops->measure(steps);
    report.time(training.step(), steps);
    if (opt.validate_every == 0 && training.step_number() < last) continue;
    history.add(training.step_number(), training.validate());
    progress.show(training.step_number() - first, last - first, training.losses().back(),
                  history.validation_losses.back());
    worse = history.is_best() ? 0 : worse + 1;
    if (opt.patience > 0 && worse >= opt.patience) break;
  }
  gemm.measure();
  return history;
}

/// The rate of all workers inside the tasks that consist of matrix products of these kinds, with the
/// activations that belong to them.
double product_gflops(const Findings& found, std::initializer_list<const char*> kinds) {
  double flops = 0, time_s = 0;
  for (const OperationFinding& o : found.operations)
    for (const char* kind : kinds)
      if (o.name.starts_with(kind)) {
        flops += o.all.flops;
        time_s += o.all.time_s;
      }
  return flops / time_s * found.efficiency.workers / 1e9;
}

void report_speed(const Model<float>& model, const GemmRate& gemm, Report& report) {
  const ModelConfig& c = model.config();
  const double step_s = report.step_time().median;
  const auto rows = static_cast<double>(model.rows() * model.shards().count());
  const double gflops = model.step_flops() * static_cast<double>(model.shards().count()) / step_s / 1e9;
  report.merit(c.is_text() ? "tokens_per_s" : "samples_per_s", rows / step_s,
               c.is_text() ? "tokens/s" : "samples/s", "speed");
  const Findings found = report.findings();
  const double products = product_gflops(found, {"linear", "attention", "convolution"});
  report.merit("gflops", gflops, "GFLOP/s", "products in a step");
  report.merit("product_gflops", products, "GFLOP/s", "products alone");
  report.merit("gemm_gflops", gemm.gflops(), "GFLOP/s", "512 x 512 products");
  report.merit("fraction_of_gemm", gflops / gemm.gflops(), "1", "step over those");
  report.merit("product_fraction_of_gemm", products / gemm.gflops(), "1", "products over those");
  report.merit("linear_fraction_of_gemm", product_gflops(found, {"linear"}) / gemm.gflops(), "1",
               "of dense layers alone");
  if (c.is_text()) {
    // 6 N + 6 L C T per token, as llm.c counts
    const double flops = 6.0 * static_cast<double>(model.parameters().list().elements()) +
                         6.0 * static_cast<double>(c.layers * c.width * c.context);
    report.merit("model_flop_utilisation", flops * rows / step_s / 1e9 / gemm.gflops(), "1",
                 "model flop utilisation");
  }
  report.merit(
      "exposed_communication_s",
      found.efficiency.elapsed_s * (1 - found.efficiency.factors.process_communication) / found.steps, "s",
      "exposed communication");
}

void report_loops(const ParallelLoops& loops, Report& report) {
  report.merit("step_s_omp_for", loops.step_s(), "s", "step as OpenMP loops");
  report.merit("speedup_over_omp_for", loops.step_s() / report.step_time().median, "1", "times as fast");
}

void report_problem(Report& report, const TrainOptions& opt, const ModelConfig& c, const std::string& data,
                    std::int64_t parameters) {
  report.problem("model", opt.model);
  if (c.is_text())
    report.problem(
        "sizes", nlohmann::json{c.layers, c.heads, c.width, c.context},
        fmt::format("{} blocks, {} heads, width {}, context {}", c.layers, c.heads, c.width, c.context));
  else if (opt.model == "mlp")
    report.problem("sizes", c.hidden, fmt::format("{} hidden layers of {}", opt.layers, opt.width));
  report.problem("parameters", parameters);
  report.problem("data", opt.data, data);
  report.problem("batch", opt.batch);
  report.problem("shards", opt.shards);
  report.problem("optimiser", opt.optimiser);
  report.problem("learning_rate", opt.learning_rate,
                 fmt::format("{}, warm-up of {} steps, then along a cosine to {} of it", opt.learning_rate,
                             opt.warm_up, opt.last_rate));
  report.problem("steps", opt.steps);
}

void write_history(Runtime& rt, const Report& report, const std::vector<double>& losses,
                   const History& history, const std::string& path) {
  write_arrays(rt.transport(), path,
               {{named_list("loss_history", losses), named_list("validation_step", history.validation_steps),
                 named_list("validation_loss", history.validation_losses),
                 named_list("validation_accuracy", history.accuracies)},
                {}},
               report.provenance());
}

}  // namespace

int main(int argc, char** argv) {
  TrainOptions opt;
  Runtime rt(argc, argv, opt);
  Report report(rt);
  for (const auto& [name, path] :
       {std::pair("--save", opt.save), {"--export", opt.export_to}, {"--output", opt.output}})
    if (!path.empty()) check_writable(rt.transport(), name, path);

  const std::unique_ptr<Batches> batches = open_batches(rt.transport(), opt);
  ModelConfig config = opt.model_config();
  batches->complete(config);
  if (opt.epochs > 0)
    opt.steps = std::max<std::int64_t>(1, std::llround(opt.epochs * batches->steps_per_epoch(opt.batch)));
  if (!opt.against.empty() && (rt.ranks() > 1 || opt.steps < 3))
    usage_error("--against {} needs one rank, whose process has the loops, and 3 steps", opt.against);
  Model<float> model(rt, config, opt.shards, opt.batch / opt.shards, opt.seed);
  Training training(rt, *batches, model, opt.optimiser_config(), opt.validation_batches);
  if (!opt.load.empty()) load_state(rt, training, opt.optimiser_config(), opt.load);
  if (training.step_number() >= opt.steps)
    usage_error("--load: '{}' has done {} steps already; give --steps more than that", opt.load,
                training.step_number());
  report_problem(report, opt, config, batches->description(), model.parameters().list().elements());

  GemmRate gemm(rt);
  std::optional<ParallelLoops> loops;
  if (!opt.against.empty()) loops.emplace(model, opt.optimiser_config(), 0, static_cast<int>(rt.workers()));
  const History history = run(rt, opt, training, gemm, loops, report, opt.steps);
  const std::vector<double> losses = training.losses();

  report_speed(model, gemm, report);
  if (loops) report_loops(*loops, report);
  const Training::Copies copies = training.compare_copies();
  report.merit("training_loss", losses.back(), "1", "last training loss");
  report.merit("validation_loss", history.validation_losses.back(), "1", "validation loss");
  report.merit("validation_accuracy", history.accuracies.back(), "1", "validation accuracy");
  report.verify("validation_loss", history.validation_losses.back(),
                opt.target_loss > 0 ? opt.target_loss : history.validation_losses.front());
  report.verify("different_copies", copies.are_equal ? 0 : 1, 0);
  report.verify(
      "parameters_off",
      std::abs(static_cast<double>(model.parameters().list().elements() - expected_parameters(config))), 0);
  report.verify(
      "gradient_error",
      rt.transport().max(rt.is_root() ? gradient_error(config, &model.parameters(), 2, opt.seed) : 0), 1e-6);
  report.checksum(copies.checksum);
  report.add("loss_history", hexadecimal(losses));
  report.series("validation", {{"step", history.validation_steps},
                               {"loss", history.validation_losses},
                               {"accuracy", history.accuracies}});

  if (!opt.save.empty()) save_state(rt, training, opt.optimiser_config(), report.provenance(), opt.save);
  if (!opt.export_to.empty()) export_weights(rt, training, opt.export_to);
  if (!opt.output.empty()) write_history(rt, report, losses, history, opt.output);
  std::string text;
  if (opt.generate > 0 && rt.is_root())
    text = generate(config, model.parameters(), opt.prompt, opt.generate, opt.temperature, opt.seed);
  if (opt.generate > 0) report.add("generated", printable(text));
  const int status = report.finish();
  if (!text.empty()) fmt::print("{}\n", printable(text));
  return status;
}
