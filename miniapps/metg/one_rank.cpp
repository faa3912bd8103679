#include "miniapps/metg/one_rank.hpp"

namespace metg {

RuntimeOfOneRank::RuntimeOfOneRank(const tutti::Options& like, std::uint32_t workers)
    : options(like), runtime(tutti::make_local_transports(1).front(), [&]() -> const tutti::Options& {
        options.threads = static_cast<int>(workers);
        options.dump_graph.clear();  // that file has the graphs of the job
        return options;
      }()) {}

}  // namespace metg
