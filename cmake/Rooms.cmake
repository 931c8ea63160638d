# pawl_room(<name> [IN <folder>] [WITHOUT <folders>] [USES <rooms>] [LINKS <libraries>]): the library
# pawl_<name> of all sources in src/<name> (or in another folder) and its folders, but for some. It may
# include what stands in the rooms that it uses, and in theirs; tests/arrows.py checks that.
function(pawl_room name)
  cmake_parse_arguments(ROOM "" "IN" "WITHOUT;USES;LINKS" ${ARGN})
  if(NOT ROOM_IN)
    set(ROOM_IN ${name})
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${ROOM_IN}/*.c)
  foreach(folder ${ROOM_WITHOUT})
    list(FILTER sources EXCLUDE REGEX "/${ROOM_IN}/${folder}/")
  endforeach()
  list(TRANSFORM ROOM_USES PREPEND pawl_)
  add_library(pawl_${name} STATIC ${sources})
  target_compile_options(pawl_${name} PRIVATE ${PAWL_WARNINGS})
  target_include_directories(pawl_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src
                                                 ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(pawl_${name} PUBLIC ${ROOM_USES} ${ROOM_LINKS} Threads::Threads)
endfunction()
