import TamisKernels
import Testing

@Suite("RowReduction")
struct RowReductionTests {
    @Test("the chunks hold each row once", arguments: [0, 1, 63, 64, 65, 1000, 1 << 20], [1, 3, 64, 1000, 1 << 17])
    func chunks(rows: Int, columns: Int) {
        let reduction = RowReduction(rows: rows, columns: columns)
        var next = 0
        for chunk in 0..<reduction.chunks {
            let (first, count) = reduction.rows(of: chunk)
            #expect(first == next && count >= 0)
            next = first + count
        }
        #expect(next == rows && (1...64).contains(reduction.chunks))
        #expect(reduction.partialScalars == reduction.chunks * columns)
    }
}
