/// What a kernel says when it is done: that all went well, or what in its data broke a rule.
public enum KernelStatus: Sendable, Hashable {
    case done
    /// The entry at `position` of an index or label input must lie in `0 ..< limit`.
    case indexOutOfRange(position: Int, index: Int, limit: Int)
    /// An integer was to be divided by 0.
    case divisionByZero
    /// The time that the run may take was over.
    case timeout
}
