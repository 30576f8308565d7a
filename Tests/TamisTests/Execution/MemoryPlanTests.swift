import Tamis
import TamisTestSupport
import Testing

@Suite("MemoryPlan")
struct MemoryPlanTests {
    @Test("buffers that live together lie apart, aligned, within the arena", arguments: 0..<300)
    func random(index: Int) {
        var generator = Philox(seed: UInt64(index), name: "memory")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let steps = number(1...30)
        let buffers = (0..<number(0...60)).map { _ in
            let first = number(0...steps)
            let size = number(0...9) == 0 ? 0 : number(1...(number(0...1) == 0 ? 100 : 100_000))
            return MemoryPlan.Buffer(byteCount: size, first: first, last: number(first...steps))
        }
        let plan = MemoryPlan(buffers)
        for (i, a) in buffers.enumerated() {
            #expect(plan.offsets[i] % MemoryPlan.alignment == 0)
            #expect(plan.offsets[i] >= 0 && plan.offsets[i] + a.byteCount <= plan.byteCount)
            for (j, b) in buffers.enumerated().dropFirst(i + 1) where a.first <= b.last && b.first <= a.last {
                let isApart =
                    plan.offsets[i] + a.byteCount <= plan.offsets[j]
                    || plan.offsets[j] + b.byteCount <= plan.offsets[i]
                #expect(
                    isApart || a.byteCount == 0 || b.byteCount == 0,
                    "\(a) at \(plan.offsets[i]), \(b) at \(plan.offsets[j])")
            }
        }
        // No more than all side by side, no less than what lives at the fullest step.
        let aligned = buffers.map { ($0.byteCount + 63) / 64 * 64 }
        #expect(plan.byteCount <= aligned.reduce(0, +))
        let fullest = (0...steps).map { step in
            zip(buffers, aligned).reduce(0) { $0 + ($1.0.first <= step && step <= $1.0.last ? $1.1 : 0) }
        }
        #expect(plan.byteCount >= fullest.max() ?? 0)
    }

    @Test("a chain takes the memory of its two largest neighbours")
    func chain() {
        let buffers = (0..<100).map { MemoryPlan.Buffer(byteCount: 640, first: $0, last: $0 + 1) }
        #expect(MemoryPlan(buffers).byteCount == 2 * 640)
    }

    @Test("sizes beyond any machine add up without overflow")
    func huge() {
        let buffers = (0..<64).map { _ in MemoryPlan.Buffer(byteCount: 1 << 59, first: 0, last: 1) }
        #expect(MemoryPlan(buffers).byteCount > 1 << 60)
    }
}
