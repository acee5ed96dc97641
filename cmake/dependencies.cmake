# Libraries we build on, all Debian packages (scripts/bootstrap installs them; docs/licences.md lists them).

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)

foreach(spec
    fmt re2 libmaxminddb libargon2 libcurl libnghttp2 openssl zlib libzstd liblz4 snappy sqlite3 libxxhash pugixml
    yaml-0.1:yaml)
  string(REPLACE ":" ";" parts ${spec})
  list(GET parts 0 module)
  list(GET parts -1 name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()
