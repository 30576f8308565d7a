import Synchronization

/// What a plan in the making may still take of its memory limit.
final class MemoryBudget: Sendable {
    let limit: Int
    private let sum = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// The bytes taken so far.
    var taken: Int { sum.load(ordering: .relaxed) }

    /// Takes so many bytes more, before they are asked of the system; throws where that is beyond the limit.
    func take(_ byteCount: Int) throws(PlanError) {
        let (needed, overflow) = taken.addingReportingOverflow(byteCount)
        guard !overflow, needed <= limit else { throw .memory(needed: overflow ? .max : needed, limit: limit) }
        sum.add(byteCount, ordering: .relaxed)
    }
}
