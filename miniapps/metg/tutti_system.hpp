// The graphs on Tutti: a grid with one tile per point, two fields per graph, one recorded phase per step.
#pragma once

#include <tutti/tutti.hpp>

#include "miniapps/metg/system.hpp"

namespace metg {

class TuttiSystem : public System {
 public:
  /// Records the graphs. Collective over the runtime's ranks.
  TuttiSystem(std::string name, Place place, const Problem& problem, tutti::Runtime& rt);

  /// A hash of the outputs of the last step, the same on every layout. Collective over the runtime's ranks.
  std::uint64_t checksum();

 protected:
  void run(std::int64_t first, std::int64_t steps) override;

 private:
  struct Fields {
    tutti::Field<std::uint64_t> read, written;
  };
  void record_phase(tutti::Recorder& r, std::uint32_t phase);

  tutti::Runtime& rt_;
  tutti::Grid grid_;
  std::vector<Fields> fields_;  // by graph
  std::unique_ptr<tutti::Graph> graph_;
};

}  // namespace metg
