# cmake -DSOURCE_DIR=… -DTEMPLATE=… -DOUTPUT=… -P write_revision.cmake
# Writes the git revision into a source file; the file is touched only when the text changes.
set(REVISION unknown)
set(DIRTY false)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse HEAD OUTPUT_VARIABLE _commit RESULT_VARIABLE _failed
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT _failed)
    set(REVISION ${_commit})
    execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} status --porcelain --untracked-files=no OUTPUT_VARIABLE _changes
                    ERROR_QUIET)
    if(_changes)
      set(DIRTY true)
    endif()
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
