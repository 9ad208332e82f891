# Fuzz targets for libFuzzer. cmake -C .ci/fuzz.cmake -S . -B build-fuzz
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(ZRELAY_SANITIZE ON CACHE BOOL "")
set(ZRELAY_FUZZ ON CACHE BOOL "")
