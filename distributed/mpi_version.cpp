#include <mpi.h>

#include <string>

#include "distributed/launcher.h"

namespace pear::distributed {

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);  // allowed before MPI_Init
  const std::string whole(text, static_cast<size_t>(length));
  return whole.substr(0, whole.find(','));
}

}  // namespace pear::distributed
