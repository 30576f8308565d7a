import Glibc

/// Whether tests that usually take a sample are to take everything: `make mutate` and `make soak` ask for it.
package let isThorough = getenv("TAMIS_THOROUGH") != nil
