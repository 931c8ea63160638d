# make install: the program under its names, their manual pages and completions, and what C programs build
# with.
install(CODE "set(PAWL_BUILT \"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\")
set(PAWL_BINDIR \"${CMAKE_INSTALL_BINDIR}\")
set(PAWL_MANDIR \"${CMAKE_INSTALL_MANDIR}\")
set(PAWL_DATADIR \"${CMAKE_INSTALL_DATADIR}\")")
install(SCRIPT cmake/InstallNames.cmake) # first: it may refuse
install(TARGETS pawl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/man/pawl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(TARGETS pawl_static pawl_shared pawl_client_static pawl_client_shared
                                        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
                                        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/pawl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/pawl/common.h include/pawl/error.h include/pawl/jansson.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pawl)

# What a program needs beside libpawl-client.a and libpawl.a, by the names of pkg-config.
set(PAWL_CLIENT_NEEDS "libuv libnghttp2 libprotobuf-c jansson")
set(PAWL_NEEDS "${PAWL_CLIENT_NEEDS} sqlite3 liblz4 zlib")
file(RELATIVE_PATH PAWL_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
function(pawl_pc PAWL_PC PAWL_PC_NEEDS PAWL_PC_ABOUT)
  configure_file(cmake/pawl.pc.in ${CMAKE_BINARY_DIR}/${PAWL_PC}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${PAWL_PC}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
pawl_pc(pawl "${PAWL_NEEDS}" "Durable execution")
pawl_pc(pawl-client "${PAWL_CLIENT_NEEDS}" "Durable execution, for programs that only talk to daemons")

set(PAWL_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/pawl)
file(RELATIVE_PATH PAWL_CONFIG_TO_PREFIX /${PAWL_CONFIG_DIR} /)
configure_file(cmake/pawlConfig.cmake.in ${CMAKE_BINARY_DIR}/pawlConfig.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/pawlConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/pawlConfig.cmake ${CMAKE_BINARY_DIR}/pawlConfigVersion.cmake
        DESTINATION ${PAWL_CONFIG_DIR})
install(SCRIPT cmake/InstallList.cmake) # last
