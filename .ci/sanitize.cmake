# With AddressSanitizer and UndefinedBehaviorSanitizer. cmake -C .ci/sanitize.cmake -S . -B build-sanitize
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(ZRELAY_SANITIZE ON CACHE BOOL "")
