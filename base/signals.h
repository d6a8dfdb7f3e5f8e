// Orderly stop: a signal sets a flag, the work loop saves its state and leaves.
#pragma once

namespace pear {

/// SIGINT, SIGTERM and SIGUSR1 set the flag; a second SIGINT ends the process at once (exit code 130).
void install_stop_signals();
bool stop_requested();
/// Sets the flag as a signal would (also for tests and time limits).
void request_stop();
/// Clears the flag (tests; a program that goes on after a stop).
void clear_stop_request();

}  // namespace pear
