# tollgate_library(NAME [DEPENDS target...] [TEST_DEPENDS target...] [PRECOMPILE header...])
#
# PRECOMPILE names headers of the project that most of the library's files include; a library without
# shares one precompiled header with the others, and so do all tests.
#
# Makes the library tollgate_NAME of every .cc in the calling folder (and below) and the program
# NAME_test of every *_test.cc, which ctest runs. A new file needs no edit here.
if(TOLLGATE_PRECOMPILE)
  foreach(precompiled precompiled test_precompiled)
    file(WRITE ${CMAKE_BINARY_DIR}/tollgate_${precompiled}.cc.new "")
    file(COPY_FILE ${CMAKE_BINARY_DIR}/tollgate_${precompiled}.cc.new
         ${CMAKE_BINARY_DIR}/tollgate_${precompiled}.cc ONLY_IF_DIFFERENT)
    add_library(tollgate_${precompiled} OBJECT ${CMAKE_BINARY_DIR}/tollgate_${precompiled}.cc)
    target_link_libraries(tollgate_${precompiled} PRIVATE PkgConfig::fmt)
    target_precompile_headers(tollgate_${precompiled} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)
  endforeach()
  target_link_libraries(tollgate_test_precompiled PRIVATE GTest::gmock_main)
  target_precompile_headers(tollgate_test_precompiled PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  target_compile_definitions(tollgate_test_precompiled PRIVATE
                             TOLLGATE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()

function(tollgate_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TEST_DEPENDS;PRECOMPILE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(tollgate_${name} STATIC ${sources})
    target_include_directories(tollgate_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(tollgate_${name} PUBLIC ${ARG_DEPENDS} PkgConfig::fmt)
    if(TOLLGATE_PRECOMPILE AND ARG_PRECOMPILE)
      list(TRANSFORM ARG_PRECOMPILE PREPEND ${CMAKE_SOURCE_DIR}/src/)
      target_precompile_headers(tollgate_${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h
                                ${ARG_PRECOMPILE})
    elseif(TOLLGATE_PRECOMPILE)
      target_precompile_headers(tollgate_${name} REUSE_FROM tollgate_precompiled)
    endif()
  else()
    add_library(tollgate_${name} INTERFACE)
    target_include_directories(tollgate_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(tollgate_${name} INTERFACE ${ARG_DEPENDS})
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE tollgate_${name} ${ARG_TEST_DEPENDS} GTest::gmock_main)
    if(TOLLGATE_PRECOMPILE)
      target_precompile_headers(${name}_test REUSE_FROM tollgate_test_precompiled)
    endif()
    target_compile_definitions(${name}_test PRIVATE TOLLGATE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()
