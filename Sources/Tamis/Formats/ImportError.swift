/// Why something from outside could not be read: where it stands, the rule it breaks, what was there instead.
public enum ImportError: Error, Hashable {
    /// A file could not be opened or read.
    case cannotOpen(path: String, reason: String)
    /// The bytes end before what they announce.
    case truncated(_ what: String, offset: Int, needed: Int, available: Int)
    /// Something is larger than `Limits` lets it be.
    case limit(_ what: String, limit: Int, received: Int)
    /// The bytes break a rule of their format.
    case malformed(rule: String, received: String, offset: Int?)
    /// The file is right, but uses what Tamis has not.
    case unsupported(_ feature: String, place: String)
    /// A model uses operators that Tamis has not, or not in this version: all of them.
    case unknownOperators([UnknownOperator])
    /// A model's graph breaks a rule, at one of its nodes or as a whole.
    case invalidModel(node: String?, rule: String, received: String)
    /// A tensor of the file has a shape or type that cannot be.
    case shape(ShapeError, place: String)
    /// An error in a file.
    indirect case inFile(String, ImportError)

    /// Runs `body`, saying at which place of a file its error arose.
    package static func at<Result>(
        _ place: String, _ body: () throws(ShapeError) -> Result
    ) throws(ImportError) -> Result {
        do { return try body() } catch { throw .shape(error, place: place) }
    }
}
