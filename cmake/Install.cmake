# make install: the program under its names, their manual pages and completions, and what C programs build
# with.
install(CODE "set(PAWL_BUILT \"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\")
set(PAWL_BINDIR \"${CMAKE_INSTALL_BINDIR}\")
set(PAWL_MANDIR \"${CMAKE_INSTALL_MANDIR}\")
set(PAWL_DATADIR \"${CMAKE_INSTALL_DATADIR}\")")
install(SCRIPT cmake/InstallNames.cmake) # first: it may refuse
install(TARGETS pawl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/man/pawl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(TARGETS pawl_static pawl_shared ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
                                        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/pawl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/pawl/common.h include/pawl/error.h include/pawl/jansson.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pawl)

# What a program needs beside libpawl.a, by the names of pkg-config.
set(PAWL_NEEDS "libuv libnghttp2 libprotobuf-c sqlite3 jansson zlib")
file(RELATIVE_PATH PAWL_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/pawl.pc.in ${CMAKE_BINARY_DIR}/pawl.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/pawl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(PAWL_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/pawl)
file(RELATIVE_PATH PAWL_CONFIG_TO_PREFIX /${PAWL_CONFIG_DIR} /)
configure_file(cmake/pawlConfig.cmake.in ${CMAKE_BINARY_DIR}/pawlConfig.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/pawlConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/pawlConfig.cmake ${CMAKE_BINARY_DIR}/pawlConfigVersion.cmake
        DESTINATION ${PAWL_CONFIG_DIR})
install(SCRIPT cmake/InstallList.cmake) # last
