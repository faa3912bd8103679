// The device border itself: copies of every shape, gathers, graphs, events, and the error of too little
// memory.
#include <cstring>
#include <vector>

#include "gpu/check/checks.hpp"
#include "gpu/check/mirror.hpp"
#include "kernels/blas1/blas1.hpp"
#include "runtime/exception.hpp"

namespace tutti::gpu_check {
namespace {

void fill_bytes(Bench& bench, std::byte* to, std::uint64_t bytes) {
  for (std::uint64_t i = 0; i < bytes; ++i) to[i] = static_cast<std::byte>(bench.between(0, 255));
}

/// A box of rows inside a larger array: up, across on the device, down again; all but the box stays as it
/// was.
void strided(Bench& bench, std::uint64_t unit, std::uint64_t row_units, bool pinned) {
  const std::uint64_t planes = 3, rows = 5, gap = 2;
  StridedCopy c;
  c.row_bytes = unit * row_units;
  c.rows = rows;
  c.planes = planes;
  const std::uint64_t row = c.row_bytes + gap * unit, plane = (rows + 1) * row, bytes = planes * plane;
  std::vector<std::byte> plain(2 * bytes);
  std::byte* host = pinned ? bench.device.allocate_pinned(2 * bytes, "a check's staging") : plain.data();
  fill_bytes(bench, host, 2 * bytes);
  const std::vector<std::byte> before(host, host + 2 * bytes);
  std::byte* a = bench.device.allocate(bytes, "a check's array");
  std::byte* b = bench.device.allocate(bytes, "a check's array");

  const auto copy = [&](const std::byte* from, std::byte* to, Direction direction) {
    StridedCopy one = c;
    one.from = from;
    one.to = to;
    one.from_row = one.to_row = row;
    one.from_plane = one.to_plane = plane;
    bench.device.copy(one, direction, bench.stream);
  };
  copy(host, a, Direction::to_device);
  copy(a, b, Direction::on_device);
  copy(b, host + bytes, Direction::to_host);
  bench.device.synchronize();

  std::vector<std::byte> expected = before;
  for (std::uint64_t p = 0; p < planes; ++p)
    for (std::uint64_t r = 0; r < rows; ++r)
      std::memcpy(expected.data() + bytes + p * plane + r * row, before.data() + p * plane + r * row,
                  c.row_bytes);
  const bool same = std::memcmp(expected.data(), host, 2 * bytes) == 0;
  bench.report.check(bench.bodies + " copy of " + std::to_string(planes * rows) + " rows of " +
                         std::to_string(c.row_bytes) + " bytes, " + (pinned ? "pinned" : "pageable"),
                     same, same ? "the box and nothing else" : "other bytes");
  bench.device.free(a);
  bench.device.free(b);
  if (pinned) bench.device.free_pinned(host);
}

void gather(Bench& bench, std::uint32_t element_bytes) {
  const std::uint64_t from_count = 1000, count = 777;
  std::vector<std::byte> from(from_count * element_bytes), to(count * element_bytes);
  std::vector<std::uint32_t> positions(count);
  fill_bytes(bench, from.data(), from.size());
  for (auto& p : positions) p = static_cast<std::uint32_t>(bench.between(0, from_count - 1));
  Mirror mirror(bench.device, bench.stream);
  mirror.add(from);
  mirror.add(to);
  mirror.add(positions);
  bench.device.gather(mirror.on_device(from.data()),
                      reinterpret_cast<const std::uint32_t*>(mirror.on_device(positions.data())), count,
                      element_bytes, mirror.on_device(to.data()), bench.stream);
  const auto got = mirror.fetch(to);
  bool same = true;
  for (std::uint64_t i = 0; i < count; ++i)
    same = same && std::memcmp(&got[i * element_bytes], &from[std::uint64_t{positions[i]} * element_bytes],
                               element_bytes) == 0;
  bench.report.check(bench.bodies + " gather of " + std::to_string(element_bytes) + " bytes", same,
                     same ? std::to_string(count) + " elements" : "other elements");
}

/// A graph of two kernels, a copy and a step count, launched several times, equals as many rounds one by one.
void graphs(Bench& bench) {
  const int rounds = 5;
  const std::int64_t n = 3000;
  const Kernel xpby = kernels::xpby(), dot = kernels::dot();
  std::vector<double> x(n), y(n), beta{0.75}, copy(n);
  bench.fill(x);
  bench.fill(y);
  std::vector<std::uint64_t> none(1), sum(1);
  std::vector<std::int64_t> step(1);
  Mirror mirror(bench.device, bench.stream);
  for (const auto* v : {&x, &y, &beta, &copy}) mirror.add(*v);
  mirror.add(none);
  mirror.add(sum);
  mirror.add(step);
  const auto vector = [&](std::vector<double>& v) {
    Argument a;
    a.data = v.data();
    a.stride0 = a.stride1 = n;
    a.box = {{0, 0, 0}, {1, 1, n}};
    return a;
  };
  const std::vector<std::vector<Argument>> xpby_parts{{vector(x), vector(beta), vector(y)}};
  const std::vector<std::vector<Argument>> dot_parts{{vector(y), vector(y)}};
  const auto first = bench.device.prepare(mirror.launch(xpby, xpby_parts, none));
  const auto second = bench.device.prepare(mirror.launch(dot, dot_parts, sum));
  bench.device.begin_capture(bench.stream);
  bench.device.launch(*first, bench.stream);
  bench.device.launch(*second, bench.stream);
  bench.device.copy({mirror.on_device(y.data()), mirror.on_device(copy.data()), n * sizeof(double)},
                    Direction::on_device, bench.stream);
  bench.device.add(reinterpret_cast<std::int64_t*>(mirror.on_device(step.data())), 3, bench.stream);
  const auto graph = bench.device.end_capture(bench.stream);
  const DeviceCounts before = bench.device.counts();
  for (int r = 0; r < rounds; ++r) bench.device.launch(*graph, bench.stream);
  const EventId done = bench.device.make_event();
  bench.device.record(done, bench.stream);
  bench.device.synchronize();
  const bool happened = bench.device.has_happened(done);
  const DeviceCounts after = bench.device.counts();

  std::uint64_t host_sum = 0;
  for (int r = 0; r < rounds; ++r) {
    xpby.tile(xpby.functor.get(), Task{}, xpby_parts[0].data(), nullptr);
    dot.tile(dot.functor.get(), Task{}, dot_parts[0].data(), &host_sum);
  }
  const bool same = mirror.fetch(y) == y && mirror.fetch(copy) == y && mirror.fetch(sum)[0] == host_sum &&
                    mirror.fetch(step)[0] == 3 * rounds && happened &&
                    after.graph_launches - before.graph_launches == rounds &&
                    after.launches - before.launches == 2 * rounds &&
                    after.on_device.count - before.on_device.count == rounds;
  bench.report.check(bench.bodies + " graph launched " + std::to_string(rounds) + " times", same,
                     same ? "kernels, copy, step and counts" : "not what as many rounds one by one give");
}

void memory(Bench& bench) {
  const DeviceMemory before = bench.device.memory();
  const std::uint64_t asked = before.capacity_bytes - before.used_bytes + (std::uint64_t{1} << 30);
  std::string message;
  try {
    bench.device.free(bench.device.allocate(asked, "field 'too large'"));
  } catch (const Error& e) {
    message = e.what();
  }
  std::byte* some = bench.device.allocate(std::uint64_t{1} << 20, "a check's array");
  const DeviceMemory with = bench.device.memory();
  bench.device.free(some);
  const DeviceMemory after = bench.device.memory();
  const bool right = message.find("field 'too large'") != std::string::npos &&
                     with.used_bytes >= before.used_bytes + (std::uint64_t{1} << 20) &&
                     after.used_bytes == before.used_bytes && after.high_water_bytes >= with.used_bytes;
  bench.report.check(bench.bodies + " memory: accounts, and the error when it is too little", right,
                     message.empty() ? "no error" : message);
}

/// What a launch keeps on the device counts as long as it is there.
void launch_memory(Bench& bench) {
  const std::int64_t n = 100;
  const Kernel xpby = kernels::xpby();
  std::vector<double> x(n), y(n), beta{0.5};
  const std::vector<std::uint64_t> none(1);
  Mirror mirror(bench.device, bench.stream);
  for (const auto* v : {&x, &y, &beta}) mirror.add(*v);
  mirror.add(none);
  const auto vector = [&](std::vector<double>& v) {
    return Argument{v.data(), n, n, {{0, 0, 0}, {1, 1, n}}};
  };
  DeviceLaunch launch = mirror.launch(xpby, {{vector(x), vector(beta), vector(y)}}, none);
  const std::uint64_t before = bench.device.memory().used_bytes;
  auto prepared = bench.device.prepare(std::move(launch));
  const std::uint64_t with = bench.device.memory().used_bytes;
  prepared.reset();
  const bool right = with > before && bench.device.memory().used_bytes == before;
  bench.report.check(bench.bodies + " memory of a launch", right,
                     std::to_string(with - before) + " bytes for one part");
}

/// Two streams in the order that events ask for.
void events(Bench& bench) {
  const std::int64_t n = 1 << 20;
  std::vector<double> a(n), b(n), c(n);
  bench.fill(a);
  Mirror mirror(bench.device, bench.stream);
  for (const auto* v : {&a, &b, &c}) mirror.add(*v);
  const StreamId other = bench.device.make_stream();
  const EventId first = bench.device.make_event();
  const auto copy = [&](const std::vector<double>& from, const std::vector<double>& to, StreamId stream) {
    bench.device.copy({mirror.on_device(from.data()), mirror.on_device(to.data()), n * sizeof(double)},
                      Direction::on_device, stream);
  };
  copy(a, b, bench.stream);
  bench.device.record(first, bench.stream);
  bench.device.wait(other, first);
  copy(b, c, other);
  const bool same = mirror.fetch(c) == a;
  bench.report.check(bench.bodies + " events between streams", same, same ? "in order" : "out of order");
}

}  // namespace

void check_border(Bench& bench) {
  for (const bool pinned : {true, false}) {
    strided(bench, 8, 1, pinned);
    strided(bench, 8, 13, pinned);
    strided(bench, 4, 7, pinned);
    strided(bench, 16, 1024, pinned);
    strided(bench, 1, 3, pinned);
  }
  for (const std::uint32_t bytes : {8U, 4U, 1U, 24U}) gather(bench, bytes);
  graphs(bench);
  events(bench);
  memory(bench);
  launch_memory(bench);
}

}  // namespace tutti::gpu_check
