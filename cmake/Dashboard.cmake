# The library pawl_dashboard: the files of the dashboard's page, as scripts/build-dashboard makes them.
set(out ${CMAKE_BINARY_DIR}/dashboard)
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/dashboard/src/*)
add_custom_command(OUTPUT ${out}/assets.c
  COMMAND ${PROJECT_SOURCE_DIR}/scripts/build-dashboard ${out}
  DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/scripts/build-dashboard ${PROJECT_SOURCE_DIR}/dashboard/build.mjs
          ${PROJECT_SOURCE_DIR}/dashboard/index.html ${PROJECT_SOURCE_DIR}/dashboard/missing.html
          ${PROJECT_SOURCE_DIR}/dashboard/package-lock.json
  COMMENT "building the dashboard" VERBATIM)
add_library(pawl_dashboard STATIC ${out}/assets.c)
target_include_directories(pawl_dashboard PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(pawl_dashboard PRIVATE PkgConfig::UV)
