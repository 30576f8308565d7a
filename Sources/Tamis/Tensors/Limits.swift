/// How much a loader may take from a file, whatever the file says.
public struct Limits: Sendable {
    /// Bytes of one file. Default 2 GiB.
    public var fileBytes = 2 << 30
    /// Bytes of all that one compressed file unpacks to. Default 2 GiB.
    public var unpackedBytes = 2 << 30
    /// Bytes one tensor may take. Default 2 GiB.
    public var tensorBytes = 2 << 30
    /// Axes of one tensor. Default 32.
    public var rank = 32
    /// Nodes of one graph. Default 1,000,000.
    public var nodes = 1_000_000
    /// Messages within messages. Default 100.
    public var depth = 100

    /// The documented defaults.
    public init() {}
}
