# pear_add_test(NAME n SOURCES … LIBS … [TORCH] [LABELS …]): one GoogleTest program, one CTest per TEST().
find_package(GTest REQUIRED)
include(GoogleTest)
set(PEAR_TEST_DATA "${CMAKE_SOURCE_DIR}/../shared/data" CACHE PATH "Real test data; tests skip where it is absent")

function(pear_add_test)
  cmake_parse_arguments(T "TORCH" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT T_LABELS)
    set(T_LABELS unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE ${T_LIBS} GTest::gtest GTest::gtest_main)
  if(T_TORCH)
    pear_use_torch(${T_NAME})
  endif()
  gtest_discover_tests(${T_NAME} DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "PEAR_TEST_DATA=${PEAR_TEST_DATA};OMP_NUM_THREADS=2")
endfunction()
