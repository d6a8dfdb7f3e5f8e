#include "cli/ranks.h"

#include <algorithm>
#include <chrono>

namespace pear::cli {
namespace {

using std::chrono::milliseconds;
// Rank 0 waits shortest: if it failed as well, its message is the one that is read. The others leave mpirun the time to
// end them (it gives a stopped process some seconds) and then follow one by one, so that several survivors of a lost
// rank do not all print the same.
constexpr milliseconds kPatience{3000}, kLeaderFirst{4000}, kPatiencePerRank{1000}, kLongestPatience{20000};

}  // namespace

std::shared_ptr<distributed::Communicator> Ranks::open(const Command& command, LogOptions log) {
  launch_ = distributed::detect_launch();
  if (launch_.size == 1) return nullptr;
  if (!command.can_run_parallel) distributed::require_single_process(launch_);
  communicator_ = distributed::open_communicator(launch_);
  if (!is_leader()) {
    log.show_all = false;
    log.rank_label = distributed::rank_label(launch_);
    set_log_options(log);
  }
  if (const auto text = distributed::describe_world(*communicator_, launch_); !text.empty()) log_info("{}", text);
  return communicator_;
}

std::string Ranks::label() const { return is_leader() ? "" : distributed::rank_label(launch_) + " "; }

void Ranks::leave() {
  if (communicator_) communicator_->meets_all(communicator_->timeout());
}

bool Ranks::fail_together() {
  if (!communicator_) return true;
  if (is_leader()) return communicator_->meets_all(kPatience);
  const milliseconds patience = kPatience + kLeaderFirst + kPatiencePerRank * communicator_->rank();
  return communicator_->meets_all(std::min(patience, kLongestPatience));
}

void Ranks::abort(int exit_code) {
  if (communicator_) communicator_->abort(exit_code);
}

}  // namespace pear::cli
