#include "runtime/device/simulated.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <random>
#include <thread>

#include "runtime/device/simulated_space.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

using Work = std::function<void()>;
struct Loop;

struct Entry {
  enum class Kind : std::uint8_t { work, record, wait, round } kind = Kind::work;
  Work work{};
  std::uint32_t event = 0;
  std::uint64_t ticket = 0;
  const Loop* loop = nullptr;  ///< of which this is the next round
};

struct Event {
  std::uint64_t recorded = 0;
  std::uint64_t happened = 0;
};

struct Stream {
  std::deque<Entry> entries;
  bool capturing = false;
  std::vector<Work> captured{};
  DeviceCounts counts{};  ///< of what was captured
};

struct Captured : DeviceGraph {
  void run() const {
    for (const Work& w : work) w();
  }
  std::vector<Work> work;
  DeviceCounts counts;
};

struct Loop : DeviceGraph {
  std::vector<Captured> pieces;
  const std::int64_t* next = nullptr;
};

struct Prepared : PreparedLaunch {
  Prepared(Device& device, DeviceLaunch launch)
      : launch(std::move(launch)),
        device(device),
        tables(device.allocate(this->launch.arguments.size() * sizeof(Argument),
                               "kernel '" + this->launch.kernel.name + "'")) {}
  ~Prepared() override { device.free(tables); }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  DeviceLaunch launch;
  Device& device;
  std::byte* tables;  ///< not used: a device has its descriptions there
};

void add(DeviceCounts::Copies& to, const DeviceCounts::Copies& more) {
  to.count += more.count;
  to.bytes += more.bytes;
}
void add(DeviceCounts& to, const DeviceCounts& more) {
  add(to.to_device, more.to_device);
  add(to.to_host, more.to_host);
  add(to.on_device, more.on_device);
  to.launches += more.launches;
  to.graph_launches += more.graph_launches;
}

class SimulatedDevice : public Device {
 public:
  SimulatedDevice(const DeviceShare& share, const SimulatedOptions& options)
      : SimulatedDevice(choose_device(share, static_cast<std::uint32_t>(options.devices)), share.local_rank,
                        options) {}
  SimulatedDevice(const DeviceChoice& choice, std::uint32_t local_rank, const SimulatedOptions& options)
      : name_(options.devices == 1
                  ? "simulated"
                  : fmt::format("simulated (device {} of {})", choice.device, options.devices)),
        has_body_(options.has_body),
        space_(std::max<std::uint64_t>(options.capacity_bytes / choice.ranks, MemoryPool::alignment),
               options.host_view),
        host_can_reach_(options.host_view != HostView::unaware),
        has_loops_(options.has_loops),
        random_(options.seed * 1009 + local_rank),
        thread_([this] { work(); }) {}

  ~SimulatedDevice() override {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  std::string name() const override { return name_; }
  DeviceMemory memory() const override { return space_.memory(); }
  DeviceCounts counts() const override {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

  // -- memory

  std::byte* allocate(std::uint64_t bytes, const std::string& what) override {
    return space_.allocate(bytes, what);
  }
  std::byte* allocate_for_messages(std::uint64_t bytes, const std::string& what) override {
    return allocate(bytes, what);
  }
  bool host_can_reach() const override { return host_can_reach_; }
  void free(std::byte* memory) noexcept override { space_.free(memory); }
  std::byte* allocate_pinned(std::uint64_t bytes, const std::string&) override {
    return static_cast<std::byte*>(::operator new (bytes, std::align_val_t{MemoryPool::alignment}));
  }
  void free_pinned(std::byte* memory) noexcept override {
    ::operator delete (memory, std::align_val_t{MemoryPool::alignment});
  }

  // -- kernels

  bool has_body(const Kernel& kernel) const override {
    if (kernel.functor_type == nullptr || (has_body_ && !has_body_(kernel))) return false;
    return std::all_of(kernel.parameters.begin(), kernel.parameters.end(),
                       [](const Parameter& p) { return !p.object || p.visit_addresses; });
  }
  std::unique_ptr<PreparedLaunch> prepare(DeviceLaunch launch) override {
    return std::make_unique<Prepared>(*this, std::move(launch));
  }

  // -- streams and events

  StreamId make_stream() override {
    const std::lock_guard lock(mutex_);
    streams_.emplace_back();
    return StreamId{streams_.size() - 1};
  }
  EventId make_event() override {
    const std::lock_guard lock(mutex_);
    events_.emplace_back();
    return EventId{events_.size() - 1};
  }
  void record(EventId event, StreamId stream) override {
    {
      const std::lock_guard lock(mutex_);
      push(stream, {Entry::Kind::record, {}, event.value, ++events_[event.index()].recorded});
    }
    wake_.notify_one();
  }
  void wait(StreamId stream, EventId event) override {
    {
      const std::lock_guard lock(mutex_);
      push(stream, {Entry::Kind::wait, {}, event.value, events_[event.index()].recorded});
    }
    wake_.notify_one();
  }
  bool has_happened(EventId event) override {
    const std::lock_guard lock(mutex_);
    if (thrown_) std::rethrow_exception(thrown_);
    return events_[event.index()].happened == events_[event.index()].recorded;
  }
  void synchronize() override {
    std::unique_lock lock(mutex_);
    rests_.wait(lock, [&] { return thrown_ || (!busy_ && all_empty()); });
    if (thrown_) std::rethrow_exception(thrown_);
  }

  // -- work

  void copy(const StridedCopy& c, Direction direction, StreamId stream) override {
    DeviceCounts counts;
    (direction == Direction::to_device ? counts.to_device
     : direction == Direction::to_host ? counts.to_host
                                       : counts.on_device) = {1, c.bytes()};
    put(stream, counts, [this, c, direction] { space_.copy(c, direction); });
  }
  void gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
              std::uint32_t element_bytes, std::byte* to, StreamId stream) override {
    DeviceCounts counts;
    counts.on_device = {1, count * element_bytes};
    put(stream, counts, [=, this] { space_.gather(from, positions, count, element_bytes, to); });
  }
  void add(std::int64_t* where, std::int64_t by, StreamId stream) override {
    put(stream, {}, [=, this] { *space_.inside(where, sizeof *where) += by; });
  }
  void launch(PreparedLaunch& launch, StreamId stream) override {
    DeviceCounts counts;
    counts.launches = 1;
    const DeviceLaunch* l = &static_cast<Prepared&>(launch).launch;
    put(stream, counts, [this, l] { space_.run(*l); });
  }

  // -- graphs

  void begin_capture(StreamId stream) override {
    const std::lock_guard lock(mutex_);
    Stream& s = streams_[stream.index()];
    s.capturing = true;
    s.captured.clear();
    s.counts = {};
  }
  std::unique_ptr<DeviceGraph> end_capture(StreamId stream) override {
    const std::lock_guard lock(mutex_);
    Stream& s = streams_[stream.index()];
    s.capturing = false;
    auto graph = std::make_unique<Captured>();
    graph->work = std::move(s.captured);
    graph->counts = s.counts;
    return graph;
  }
  void launch(DeviceGraph& graph, StreamId stream) override {
    DeviceCounts counts;
    if (const auto* loop = dynamic_cast<const Loop*>(&graph)) {
      counts.graph_launches = 1;
      return put(stream, counts, {Entry::Kind::round, {}, 0, 0, loop});
    }
    const auto& g = static_cast<Captured&>(graph);
    counts = g.counts;
    ++counts.graph_launches;
    put(stream, counts, [&g] { g.run(); });
  }
  bool has_loops() const override { return has_loops_; }
  std::unique_ptr<DeviceGraph> make_loop(const std::vector<DeviceGraph*>& pieces,
                                         const std::int64_t* next) override {
    auto loop = std::make_unique<Loop>();
    for (const DeviceGraph* p : pieces) loop->pieces.push_back(static_cast<const Captured&>(*p));
    loop->next = next;
    return loop;
  }
  void count_rounds(const DeviceGraph&, std::uint64_t) override {}  // its thread sees them

 private:
  void put(StreamId stream, const DeviceCounts& counts, Work work) {
    put(stream, counts, Entry{Entry::Kind::work, std::move(work)});
  }
  void put(StreamId stream, const DeviceCounts& counts, Entry entry) {
    {
      const std::lock_guard lock(mutex_);
      Stream& s = streams_[stream.index()];
      tutti::add(s.capturing ? s.counts : counts_, counts);
      if (s.capturing && entry.kind == Entry::Kind::work) return s.captured.push_back(std::move(entry.work));
      push(stream, std::move(entry));
    }
    wake_.notify_one();
  }
  void push(StreamId stream, Entry entry) {
    Stream& s = streams_[stream.index()];
    if (s.capturing) usage_error("the simulated device captures neither events nor loops");
    s.entries.push_back(std::move(entry));
  }

  // -- the device's thread

  void work() {
    std::unique_lock lock(mutex_);
    std::vector<std::size_t> ready;
    for (;;) {
      ready.clear();
      for (std::size_t s = 0; s < streams_.size(); ++s)
        if (can_go_on(streams_[s])) ready.push_back(s);
      if (ready.empty()) {
        busy_ = false;
        rests_.notify_all();
        if (ends_) return;
        wake_.wait(lock);
        continue;
      }
      busy_ = true;
      Stream& stream = streams_[choose(ready)];
      Entry entry = std::move(stream.entries.front());
      stream.entries.pop_front();
      if (entry.kind == Entry::Kind::record) events_[entry.event].happened = entry.ticket;
      if (entry.kind == Entry::Kind::record || entry.kind == Entry::Kind::wait || thrown_) continue;
      const bool slow = random_() % 8 == 0;
      lock.unlock();
      if (slow) std::this_thread::sleep_for(std::chrono::microseconds(20));
      try {
        const Captured* piece = entry.loop ? next_piece(*entry.loop) : nullptr;
        if (piece) piece->run();
        if (entry.work) entry.work();
        lock.lock();
        if (piece) {  // other streams may have their turn before the next round
          tutti::add(counts_, piece->counts);
          stream.entries.push_front(std::move(entry));
        }
      } catch (...) {
        lock.lock();
        thrown_ = std::current_exception();
      }
    }
  }

  const Captured* next_piece(const Loop& loop) const {
    const std::int64_t next = *space_.inside(loop.next, sizeof *loop.next);
    const bool ends = next < 0 || next >= static_cast<std::int64_t>(loop.pieces.size());
    return ends ? nullptr : &loop.pieces[static_cast<std::size_t>(next)];
  }

  bool can_go_on(const Stream& s) const {
    if (s.entries.empty()) return false;
    const Entry& e = s.entries.front();
    return e.kind != Entry::Kind::wait || events_[e.event].happened >= e.ticket;
  }
  bool all_empty() const {
    return std::all_of(streams_.begin(), streams_.end(), [](const Stream& s) { return s.entries.empty(); });
  }

  // Any of those that can go on; for a while, the unlucky one only if there is no other.
  std::size_t choose(const std::vector<std::size_t>& ready) {
    if (unlucky_for_-- <= 0) {
      unlucky_ = random_() % streams_.size();
      unlucky_for_ = static_cast<int>(random_() % 64);
    }
    const std::size_t s = ready[random_() % ready.size()];
    return s == unlucky_ ? ready[random_() % ready.size()] : s;
  }

  std::string name_;
  std::function<bool(const Kernel&)> has_body_;
  SimulatedSpace space_;
  mutable std::mutex mutex_;  // of all that follows
  bool host_can_reach_;
  bool has_loops_;
  std::mt19937_64 random_;
  std::deque<Stream> streams_;
  std::deque<Event> events_;
  DeviceCounts counts_;
  std::exception_ptr thrown_;
  std::size_t unlucky_ = 0;
  int unlucky_for_ = 0;
  bool busy_ = false;
  bool ends_ = false;
  std::condition_variable wake_, rests_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace

std::shared_ptr<Device> make_simulated_device(const DeviceShare& share, const SimulatedOptions& options) {
  return std::make_shared<SimulatedDevice>(share, options);
}

std::shared_ptr<Device> make_device(const std::string& kind, const DeviceShare& share) {
  if (kind == "cuda") return make_cuda_device(share);
  if (kind == "simulated") return make_simulated_device(share, SimulatedOptions::from_environment());
  return nullptr;
}

}  // namespace tutti
