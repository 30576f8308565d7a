extension ExportError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cannotWrite(let path, let reason): "\(path): the file could not be written: \(reason)"
        case .unsupported(let feature, let place): "\(place): the format cannot hold \(feature)"
        }
    }
}
