# Build options, warnings and sanitizers. Everything that is the same for every target is set here.

set(TOLLGATE_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined")
option(TOLLGATE_BENCH "Build bench/" OFF)
option(TOLLGATE_PRECOMPILE "Precompile the slow headers: halves the build time" ON)
option(TOLLGATE_FUZZ "Build fuzz/ as libFuzzer programs (needs clang)" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  # Several build trees share nothing: a precompiled header knows the tree it was made in.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wno-missing-field-initializers -Wnon-virtual-dtor
                    -Wold-style-cast -Woverloaded-virtual -Werror)
# For all, because libraries that share a precompiled header must agree on it.
add_compile_options(-pthread)
# GCC 12 warns about code in its own headers (string, variant) once it is inlined.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-dangling-pointer>
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
# Clang counts what TRY leaves unread as a result ignored, and sees libstdc++ 12 use a name it deprecates.
add_compile_options($<$<CXX_COMPILER_ID:Clang>:-Wno-unused-result>
                    $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -DTOLLGATE_DEBUG")

if(TOLLGATE_SANITIZE)
  add_compile_options(-fsanitize=${TOLLGATE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TOLLGATE_SANITIZE})
  if(TOLLGATE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(TOLLGATE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
