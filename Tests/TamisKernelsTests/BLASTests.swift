import TamisKernels
import Testing

@Suite("BLAS")
struct BLASTests {
    @Test("passes the check of the start")
    func check() throws { try BLAS.check() }
}
