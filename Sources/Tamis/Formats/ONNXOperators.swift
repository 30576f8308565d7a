/// The operators that ONNX files are read and written with: a table of one row for each and each change of its meaning.
///
/// A value: rows of one's own join by `adding`, and hold where the table is handed over, nowhere else.
public struct ONNXOperators: Sendable {
    /// The rows; a later one goes before an earlier one.
    public private(set) var rows: [ONNXOperator]
    private var rowsByName: [Key: [Int]] = [:]

    private struct Key: Hashable {
        var domain: String
        var name: String
    }

    /// The versions of ONNX's own operator set that are read.
    public static let versions = 6...28
    /// The versions of it that are written.
    public static let writtenVersions = 13...28

    /// A table of these rows.
    public init(_ rows: [ONNXOperator]) {
        self.rows = []
        for row in rows { add(row) }
    }

    /// The table with other rows, which go before those it has.
    public func adding(_ rows: ONNXOperator...) -> ONNXOperators {
        var table = self
        for row in rows { table.add(row) }
        return table
    }

    private mutating func add(_ row: ONNXOperator) {
        rowsByName[Key(domain: row.domain, name: row.name), default: []].append(rows.count)
        rows.append(row)
    }

    /// The rows of an operator, the first one to be asked first.
    func rows(_ name: String, domain: String) -> [ONNXOperator] {
        (rowsByName[Key(domain: domain, name: name)] ?? []).reversed().map { rows[$0] }
    }

    /// The row for an operator of Tamis, and what it writes for it.
    func row(
        for operation: any Operator, _ node: ONNXNodeWriter
    ) throws(ExportError) -> (row: ONNXOperator, node: ONNXNodeWriter)? {
        for row in rows.reversed() where !row.domain.isEmpty || row.versions.contains(node.version) {
            if let written = try row.write(operation, node) { return (row, written) }
        }
        return nil
    }

    /// The operators that Tamis has.
    public static let standard = ONNXOperators(
        spatial + normalization + products + moving + sequences + elementwise + reduction + recurrent + control
            + quantization)
}
