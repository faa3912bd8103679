#include "tests/graph/simulator.hpp"

#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace tutti::test {

Simulator::Simulator(std::vector<Record> records, const std::vector<RankContext>& contexts,
                     std::uint64_t seed)
    : random_(seed) {
  const auto n = static_cast<std::uint32_t>(records.size());
  std::vector<std::shared_ptr<const Program>> programs;
  const std::uint64_t hash = records[0].hash();
  for (std::uint32_t r = 0; r < n; ++r) {
    if (records[r].hash() != hash) throw std::logic_error("ranks recorded different things");
    programs.push_back(
        std::make_shared<const Program>(unroll(std::make_shared<const Record>(std::move(records[r])))));
    ranks_.emplace_back().ghosts = find_ghosts(*programs.back(), RankId{r});
  }
  std::vector<std::map<RankId, Bytes>> arrived(n);
  for (std::uint32_t r = 0; r < n; ++r)
    for (auto& [to, bytes] : encode_needs(ranks_[r].ghosts)) arrived[to.index()][RankId{r}] = bytes;
  for (std::uint32_t r = 0; r < n; ++r) {
    Rank& rank = ranks_[r];
    decode_needs(arrived[r], RankId{r}, rank.ghosts);
    rank.flow = analyse(*programs[r], rank.ghosts, RankId{r}, n, contexts[r].workers);
    rank.plan = lower(programs[r], rank.ghosts, rank.flow, RankId{r}, n, contexts[r].workers);
    rank.gate = std::make_unique<StepGate>(*rank.plan);
    for (const PlanMessage& m : rank.plan->messages) rank.armed.push_back(!m.spec.sending);
  }
}

void Simulator::enter(Rank& r, std::uint32_t copy) {
  r.plan->initial_counters(copy, Edges::all, r.counters);
  const std::uint32_t copies = r.plan->copies_per_cycle();
  r.ready.clear();
  r.next_step.clear();
  for (std::uint32_t i = 0; i < r.counters.size(); ++i) {
    r.next_step.push_back(step_ + (r.plan->nodes[i].copy + copies - copy) % copies);
    if (r.counters[i] != 0) continue;
    r.counters[i] = r.plan->in_degree[i];
    r.ready.push_back(i);
  }
}

void Simulator::refresh_ghosts(std::uint32_t copy) {
  for (Rank& to : ranks_)
    for (const Exchange& x : to.ghosts.entry[copy]) {
      const Store& store = *to.plan->program->stores[static_cast<std::size_t>(x.store)];
      std::uint64_t& version = to.ghost_versions[{x.pattern, x.store}];
      if (version == store.version) continue;
      version = store.version;
      const GhostPattern& p = to.ghosts.patterns[x.pattern];
      for (const Region& region : p.regions) {
        Rank& from = ranks_[p.layout->owner(region.producer).index()];
        Store& target = *to.plan->program->stores[static_cast<std::size_t>(x.store)];
        Bytes bytes(static_cast<std::size_t>(region.size()) * target.type().size_bytes);
        pack(p.source(*from.plan->program->stores[static_cast<std::size_t>(x.store)], region), bytes.data());
        unpack(bytes.data(), p.target(target, region));
      }
    }
}

std::int64_t Simulator::run(std::int64_t steps) {
  std::uint32_t copy = 0;
  for (Rank& r : ranks_) {
    copy = r.plan->program->entry(next_copy_);
    if (!entered_ || copy != next_copy_) enter(r, copy);
    r.gate->start(step_, steps);
  }
  entered_ = true;
  refresh_ghosts(copy);
  for (std::size_t idle = 0; idle < ranks_.size();) {
    const std::size_t first = random_() % ranks_.size();
    idle = 0;
    while (idle < ranks_.size() && !step_rank((first + idle) % ranks_.size())) ++idle;
  }
  const std::int64_t limit = ranks_[0].gate->limit();
  for (Rank& r : ranks_) {
    if (r.gate->limit() != limit) throw std::logic_error("ranks stop at different steps");
    for (std::uint32_t i = 0; i < r.next_step.size(); ++i)
      if (r.next_step[i] < limit || r.next_step[i] >= limit + r.plan->copies_per_cycle())
        throw std::logic_error(fmt::format("{} is at step {}, the run ended at {}",
                                           r.plan->describe(NodeId{i}), r.next_step[i], limit));
  }
  for (const auto& [channel, queue] : channels_)
    if (!queue.empty()) throw std::logic_error("a message was never received");
  const std::int64_t done = limit - step_;
  step_ = limit;
  next_copy_ = static_cast<std::uint32_t>((copy + done) % ranks_[0].plan->copies_per_cycle());
  for (Rank& r : ranks_) {
    const Program& program = *r.plan->program;
    program.bind_names(next_copy_);
    if (done == 0) continue;
    for (const BoundOperation& op : program.operations)
      for (std::int32_t s = 0; s < static_cast<std::int32_t>(program.stores.size()); ++s)
        if (op.writes(s)) ++program.stores[static_cast<std::size_t>(s)]->version;
  }
  return done;
}

template <class T>
T Simulator::take_random(std::vector<T>& from) {
  const std::size_t i = random_() % from.size();
  const T value = from[i];
  from[i] = from.back();
  from.pop_back();
  return value;
}

// One event on this rank, if there can be any.
bool Simulator::step_rank(std::size_t index) {
  Rank& r = ranks_[index];
  for (std::size_t tries = 0, kind = random_() % 4; tries < 4; ++tries, kind = (kind + 1) % 4) {
    if (kind == 0) {
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < r.ready.size(); ++i)
        if (r.next_step[r.ready[i]] < r.gate->open()) open.push_back(i);
      if (open.empty()) continue;
      const std::size_t i = take_random(open);
      r.running.push_back(r.ready[i]);
      r.ready.erase(r.ready.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    if (kind == 1 && !r.running.empty()) {
      finish(index, take_random(r.running));
      return true;
    }
    if (kind == 2 && !r.tokens.empty()) {
      const std::uint32_t n = take_random(r.tokens);
      if (r.counters[n] == 0)
        throw std::logic_error("two tokens on one edge into " + r.plan->describe(NodeId{n}));
      if (--r.counters[n] == 0) {
        r.counters[n] = r.plan->in_degree[n];
        r.ready.push_back(n);
      }
      return true;
    }
    if (kind == 3 && deliver(index)) return true;
  }
  return false;
}

void Simulator::finish(std::size_t index, std::uint32_t node) {
  Rank& r = ranks_[index];
  PlanNode& n = r.plan->nodes[node];
  const std::int64_t step = r.next_step[node];
  n.task.step = step;
  const bool stop = perform(*r.plan, n, WorkerId{0});
  r.next_step[node] = step + r.plan->copies_per_cycle();
  if (n.kind == NodeKind::decide) r.gate->decide(n, step, stop);
  if (n.kind == NodeKind::send) {
    const MessageSpec& m = r.plan->messages[n.payload].spec;
    channels_[{static_cast<std::uint32_t>(index), m.partner.value, m.tag}].emplace_back(m.staging,
                                                                                        m.staging + m.bytes);
    std::memset(m.staging, 0xee, m.bytes);
    r.tokens.push_back(node);  // its buffer is free, some time later
  }
  if (n.kind == NodeKind::receive) {
    const MessageSpec& m = r.plan->messages[n.payload].spec;
    std::memset(m.staging, 0xdd, m.bytes);
    r.armed[n.payload] = true;
  }
  for (std::uint32_t e = r.plan->first_successor[node]; e < r.plan->first_successor[node + 1]; ++e)
    r.tokens.push_back(r.plan->successors[e]);
}

bool Simulator::deliver(std::size_t index) {
  Rank& r = ranks_[index];
  std::vector<std::uint32_t> possible;
  for (std::uint32_t m = 0; m < r.armed.size(); ++m) {
    const MessageSpec& spec = r.plan->messages[m].spec;
    if (!r.armed[m]) continue;
    const auto it = channels_.find({spec.partner.value, static_cast<std::uint32_t>(index), spec.tag});
    if (it != channels_.end() && !it->second.empty()) possible.push_back(m);
  }
  if (possible.empty()) return false;
  const std::uint32_t m = take_random(possible);
  const MessageSpec& spec = r.plan->messages[m].spec;
  auto& queue = channels_[{spec.partner.value, static_cast<std::uint32_t>(index), spec.tag}];
  if (queue.front().size() != spec.bytes) throw std::logic_error("a message of another size than expected");
  std::memcpy(spec.staging, queue.front().data(), spec.bytes);
  queue.pop_front();
  r.armed[m] = false;
  r.tokens.push_back(r.plan->messages[m].node);
  return true;
}

}  // namespace tutti::test
