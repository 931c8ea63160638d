# The end of `make install`: writes down what was installed, also by earlier calls, for `make uninstall`.

set(list "${CMAKE_INSTALL_PREFIX}/share/pawl/installed")
set(paths ${CMAKE_INSTALL_MANIFEST_FILES} "${list}")
if(EXISTS "$ENV{DESTDIR}${list}")
  file(STRINGS "$ENV{DESTDIR}${list}" earlier)
  list(APPEND paths ${earlier})
endif()
list(REMOVE_DUPLICATES paths)
list(JOIN paths "\n" text)
file(WRITE "$ENV{DESTDIR}${list}" "${text}\n")
