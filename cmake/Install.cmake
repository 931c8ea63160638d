# make install: the program under its three names, its manual page, and what C programs build with.
install(TARGETS pawl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/daprd ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/dapr
        DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/man/pawl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(TARGETS pawl_static pawl_shared ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
                                        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/pawl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/pawl/common.h include/pawl/error.h include/pawl/jansson.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pawl)
configure_file(cmake/pawl.pc.in ${CMAKE_BINARY_DIR}/pawl.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/pawl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
