# make install: the program under its three names, and its manual page.
install(TARGETS pawl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/daprd ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/dapr
        DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/man/pawl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
