import Tamis
import Testing

@Suite("Shapes")
struct ShapeTests {
    @Test("axes beside one of no elements are counted too, so that no product of extents overflows")
    func zeros() throws {
        #expect(try Shape([0, 3, 4]).elementCount == 0)
        #expect(try Shape([3, 0, 1 << 40]).elementCount == 0)
        #expect(throws: ShapeError.tooManyElements([0, 1 << 40, 1 << 40])) { try Shape([0, 1 << 40, 1 << 40]) }
        #expect(throws: ShapeError.negativeDimension([0, -1])) { try Shape([0, -1]) }
    }

    @Test("64 axes at most")
    func axes() throws {
        let most = [Int](repeating: 1, count: 64)
        #expect(try Shape(most).rank == 64)
        #expect(throws: ShapeError.tooManyAxes(65)) { try Shape(most + [1]) }
    }
}
