// The processes of this run as `main` sees them: opened after the command is known, left together.
#pragma once

#include <memory>

#include "base/log.h"
#include "cli/commands.h"
#include "distributed/communicator.h"

namespace pear::cli {

/// One process unless `open` finds that a launcher started several.
class Ranks {
 public:
  /// Refuses several copies of a command that is made for one process; else connects them. Ranks other than 0 then log
  /// errors only.
  /// Errors:  CommError of require_single_process and open_communicator.
  std::shared_ptr<distributed::Communicator> open(const Command& command, LogOptions log);

  bool is_leader() const { return !communicator_ || communicator_->is_leader(); }
  /// `[rank 1/4 node07] ` before what a rank other than 0 prints, else empty.
  std::string label() const;
  /// After success: waits until every rank has come to its end.
  void leave();
  /// After a failure: true if every rank failed, so that rank 0 speaks for all and everybody leaves in order. Rank 0
  /// prints before it asks. A rank that fails alone waits some seconds, then prints and calls `abort`.
  bool fail_together();
  /// Ends all ranks; returns in a run of one process.
  void abort(int exit_code);

 private:
  distributed::Launch launch_;
  std::shared_ptr<distributed::Communicator> communicator_;
};

}  // namespace pear::cli
