/// Counts the messages and strings of a file: two bytes there can become a hundred here, so the size of the file alone
/// bounds nothing.
final class ProtobufBudget {
    let limits: Limits
    private let entries: Int
    private var spent = 0

    init(_ limits: Limits) {
        self.limits = limits
        let (entries, overflow) = limits.nodes.multipliedReportingOverflow(by: 32)
        self.entries = overflow ? Int.max : entries
    }

    /// Takes account of one more.
    func spend() throws(ImportError) {
        guard spent < entries else {
            throw .limit("the messages and strings of a file", limit: entries, received: spent + 1)
        }
        spent += 1
    }
}
