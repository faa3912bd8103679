// Tutti on the first rank alone, with as many workers as all ranks have, inside a job of several ranks.
#pragma once

#include "miniapps/metg/tutti_system.hpp"

namespace metg {

struct RuntimeOfOneRank {
  RuntimeOfOneRank(const tutti::Options& like, std::uint32_t workers, bool steal);
  tutti::Options options;
  tutti::Runtime runtime;
};

class OneRankSystem : private RuntimeOfOneRank, public TuttiSystem {
 public:
  /// Every rank makes one, of its own; by Place::first_rank only the first is used. With `steal` false every
  /// task stays with the worker that it was dealt to.
  OneRankSystem(std::string name, const Problem& problem, const tutti::Options& like, std::uint32_t workers,
                bool steal)
      : RuntimeOfOneRank(like, workers, steal),
        TuttiSystem(std::move(name), Place::first_rank, problem, runtime) {}
};

}  // namespace metg
