# An instrumented library needs its runtime in every program, which those that tests build outside this
# tree do not bring.
if(PAWL_SANITIZE OR CMAKE_C_FLAGS MATCHES "--coverage")
  set(PAWL_INSTRUMENTED ON)
endif()

# `make test` runs two tests at a time. A test that starts daemons or servers, or that has many threads, has
# PROCESSORS 2 and so runs alone; an end-to-end test has RUN_SERIAL. COST is about the seconds that a long test takes:
# the longest begins first.

# pawl_test(<name> SOURCES <files> ROOMS <rooms> [LABEL unit] [TIMEOUT 120] [COST 0] [PROCESSORS 1]
#           [WRAPS <functions>]): a cmocka program and its test.
# Each function of WRAPS is replaced by the program's own __wrap_<function>.
function(pawl_test name)
  cmake_parse_arguments(TEST "" "LABEL;TIMEOUT;COST;PROCESSORS" "SOURCES;ROOMS;WRAPS" ${ARGN})
  if(NOT TEST_LABEL)
    set(TEST_LABEL unit)
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  if(NOT TEST_COST)
    set(TEST_COST 0)
  endif()
  if(NOT TEST_PROCESSORS)
    set(TEST_PROCESSORS 1)
  endif()
  list(TRANSFORM TEST_ROOMS PREPEND pawl_)
  list(TRANSFORM TEST_WRAPS PREPEND -Wl,--wrap=)
  add_executable(${name} ${TEST_SOURCES})
  target_compile_options(${name} PRIVATE ${PAWL_WARNINGS})
  target_link_libraries(${name} PRIVATE ${TEST_ROOMS} PkgConfig::CMOCKA)
  target_link_options(${name} PRIVATE ${TEST_WRAPS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT}
    COST ${TEST_COST} PROCESSORS ${TEST_PROCESSORS})
endfunction()

# pawl_fail_allocations(<name> [ARENA] [SHADOW]): the test decides which of its allocations fail, see tests/alloc/alloc.h.
function(pawl_fail_allocations name)
  set(folder ${PROJECT_SOURCE_DIR}/tests/alloc)
  target_sources(${name} PRIVATE ${folder}/alloc.c)
  target_include_directories(${name} PRIVATE ${folder})
  target_link_options(${name} PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
  if("ARENA" IN_LIST ARGN)
    target_sources(${name} PRIVATE ${folder}/arena.c)
  endif()
  if("SHADOW" IN_LIST ARGN)
    target_sources(${name} PRIVATE ${folder}/shadow.c)
    target_link_options(${name} PRIVATE
      -Wl,--wrap=pawl__shadow_begin,--wrap=pawl__shadow_check,--wrap=pawl__shadow_add)
  endif()
endfunction()
