#include "miniapps/metg/one_rank.hpp"

namespace metg {

RuntimeOfOneRank::RuntimeOfOneRank(const tutti::Options& like, std::uint32_t workers, bool steal)
    : options(like), runtime(tutti::make_local_transports(1).front(), [&]() -> const tutti::Options& {
        options.threads = static_cast<int>(workers);
        options.steal = steal;
        options.dump_graph.clear();  // these files have the graphs and the workers of the job
        options.trace.clear();
        return options;
      }()) {}

}  // namespace metg
