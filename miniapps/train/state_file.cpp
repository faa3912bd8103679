#include "miniapps/train/state_file.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "miniapps/train/npz.hpp"
#include "runtime/error.hpp"
#include "runtime/io/array_file.hpp"
#include "runtime/io/outcome.hpp"

using namespace tutti;

namespace {

using Placed = ParameterList::Placed;

/// What a file must have in common with the run that takes it up.
nlohmann::json description_of(const ModelConfig& c, const OptimiserConfig& optimiser) {
  nlohmann::json d{{"model", c.kind}, {"optimiser", optimiser.kind}};
  if (c.is_text())
    d.update({{"layers", c.layers}, {"heads", c.heads}, {"width", c.width}, {"context", c.context}});
  else
    d.update({{"hidden", c.hidden}, {"values", c.sample_values()}, {"classes", c.classes}});
  return d;
}

/// All elements of a group's state on rank 0, from the ranks that own them.
std::vector<float> gathered(Transport& transport, const Vector<float>& state) {
  const RowsLayout& layout = state.rows().layout();
  const std::span<const float> mine = state.block();
  std::map<RankId, Bytes> outgoing;
  if (!mine.empty()) {
    const auto* bytes = reinterpret_cast<const std::byte*>(mine.data());
    outgoing[RankId{0}] = Bytes(bytes, bytes + mine.size_bytes());
  }
  std::vector<float> all(static_cast<std::size_t>(layout.size()));
  for (const auto& [from, bytes] : transport.exchange(outgoing))
    std::memcpy(all.data() + layout.block(from).lo[2], bytes.data(), bytes.size());
  return all;
}

std::vector<float> part(const std::vector<float>& group, const Placed& placed) {
  const auto first = group.begin() + placed.offset;
  return {first, first + placed.tensor.elements()};
}

const std::vector<float>& find(const ArrayFile& file, const std::string& name, const Placed& placed,
                               const std::string& path) {
  for (const NamedArray& a : file.arrays) {
    if (a.name != name) continue;
    const auto* values = std::get_if<std::vector<float>>(&a.values);
    if (a.shape == placed.tensor.shape && values != nullptr) return *values;
    usage_error("--load: '{}' in '{}' has another shape or type than this model's", name, path);
  }
  usage_error("--load: '{}' lacks the array '{}'", path, name);
}

}  // namespace

void save_state(Runtime& rt, Training& training, const OptimiserConfig& optimiser,
                const nlohmann::json& provenance, const std::string& path) {
  training.compare_copies();  // brings them up to date
  const Parameters<float>& p = training.model().parameters();
  ArrayFile file;
  file.description = description_of(training.model().config(), optimiser);
  file.description["step"] = training.step_number();
  for (const Placed& t : p.list().tensors()) {
    const auto values = p.tensor(t);
    file.arrays.push_back(
        {"weights/" + t.tensor.name, t.tensor.shape, std::vector<float>(values.begin(), values.end())});
  }
  const auto& names = training.optimiser().state_names();
  for (std::size_t n = 0; n < names.size(); ++n)
    for (std::uint32_t g = 0; g < p.group_count(); ++g) {
      const std::vector<float> all = gathered(rt.transport(), training.optimiser().state(n, g));
      for (const Placed& t : p.list().tensors())
        if (t.group == g)
          file.arrays.push_back({names[n] + "/" + t.tensor.name, t.tensor.shape, part(all, t)});
    }
  write_arrays(rt.transport(), path, file, provenance);
}

void load_state(Runtime& rt, Training& training, const OptimiserConfig& optimiser, const std::string& path) {
  const ArrayFile file = read_arrays(rt.transport(), path);
  nlohmann::json wanted = description_of(training.model().config(), optimiser);
  for (const auto& [key, value] : wanted.items())
    if (!file.description.contains(key) || file.description[key] != value)
      usage_error("--load: '{}' was saved with {} {}, but this run has {}", path, key,
                  file.description.value(key, nlohmann::json()).dump(), value.dump());
  if (!file.description.contains("step") || !file.description["step"].is_number_unsigned())
    usage_error("--load: '{}' does not say how many steps were done", path);

  Parameters<float>& p = training.model().parameters();
  const auto& names = training.optimiser().state_names();
  for (const Placed& t : p.list().tensors()) {
    const auto& weights = find(file, "weights/" + t.tensor.name, t, path);
    std::copy(weights.begin(), weights.end(), p.tensor(t).begin());
    for (std::size_t n = 0; n < names.size(); ++n) {
      const auto& values = find(file, names[n] + "/" + t.tensor.name, t, path);
      const Vector<float>& state = training.optimiser().state(n, t.group);
      const Box mine = state.rows().layout().block(rt.rank());
      const std::int64_t begin = std::max(mine.lo[2], t.offset);
      const std::int64_t end = std::min(mine.hi[2], t.offset + t.tensor.elements());
      for (std::int64_t i = begin; i < end; ++i)
        state.block()[static_cast<std::size_t>(i - mine.lo[2])] =
            values[static_cast<std::size_t>(i - t.offset)];
    }
  }
  p.touch();
  training.set_step_number(file.description["step"].get<std::int64_t>());
}

void export_weights(Runtime& rt, Training& training, const std::string& path) {
  training.compare_copies();
  const Parameters<float>& p = training.model().parameters();
  on_root(rt.transport(), [&] {
    std::vector<NpzArray> arrays;
    for (const Placed& t : p.list().tensors()) arrays.push_back({t.tensor.name, t.tensor.shape, p.tensor(t)});
    write_npz(path, arrays);
  });
}
